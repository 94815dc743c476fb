//! Offering an object: the guard, and options.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use broker_protocol::ErrorCode;

use super::callback::Callback;
use super::calling;
use super::checked::ImplementsCallback;
use super::format::Format;
use super::holding::ReleaseReason;
use super::object::{OfferedObject, TellGap};
use super::{CallbackInterface, Eventually};
use crate::hub::Failure;
use crate::inbox::Bound;
use crate::{Client, ClosedReason, Gap, SubscribeError};

/// An object to be offered with options; see [`Client::offering`].
#[must_use = "nothing is offered until it is started"]
pub struct OfferBuilder<'a> {
    client: &'a Client,
    bound: Bound,
    tell_gap: Option<TellGap>,
}

impl<'a> OfferBuilder<'a> {
    pub(crate) fn new(client: &'a Client) -> Self {
        Self { client, bound: client.hub().config.inbox, tell_gap: None }
    }

    /// Is called with what was left out of the calls, as their methods' lanes allow: conflated for the
    /// newest of a key, dropped at a bound, expired. The gap's topic ends with the method's name. In
    /// the order of the calls.
    pub fn on_gap(self, tell: impl Fn(&Gap) + Send + Sync + 'static) -> Self {
        Self { tell_gap: Some(Box::new(tell)), ..self }
    }

    /// How many calls wait here at most for the object, in each of its lanes, and how many bytes;
    /// beyond, the oldest go, which is told. As a subscription's inbox by default.
    pub fn inbox(self, messages: usize, bytes: usize) -> Self {
        Self { bound: Bound { messages, bytes }, ..self }
    }

    /// Offers the object, and waits until the broker knows it.
    ///
    /// # Errors
    /// See [`Client::offer`].
    ///
    /// # Cancel safety
    /// Dropping the future ends the offer.
    pub fn start<I, O>(self, object: O) -> Eventually<'a, Result<Offered<I>, OfferError>>
    where
        I: CallbackInterface + ?Sized + 'a,
        O: ImplementsCallback<I>,
    {
        let Self { client, bound, tell_gap } = self;
        let handler = object.into_handler();
        let object = Arc::new(OfferedObject::new(I::DESCRIPTION, handler, bound, tell_gap));
        let offered = Offered {
            client: client.clone(),
            object: Arc::clone(&object),
            detached: false,
            interface: PhantomData,
        };
        Box::pin(async move { begin(client, &object).await.map(|()| offered) })
    }
}

/// Makes an object known to the broker, and has it called.
async fn begin(client: &Client, object: &Arc<OfferedObject>) -> Result<(), OfferError> {
    let hub = client.hub();
    loop {
        let closed = || OfferError::Closed(hub.closed_reason());
        hub.until_connected().await.map_err(OfferError::Closed)?;
        let opened = hub.offer(object)?;
        match opened.await {
            Ok(Ok(())) => break,
            // The session was lost before it was said.
            Ok(Err(Failure::Disconnected)) => {}
            Ok(Err(failure)) => return Err(OfferError::of(failure)),
            Err(_) => return Err(closed()),
        }
    }
    calling::begin(object, &client.downgrade(), hub);
    Ok(())
}

impl fmt::Debug for OfferBuilder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OfferBuilder").field("bound", &self.bound).finish_non_exhaustive()
    }
}

/// The guard of an object that is offered: dropping it ends the offer, and whoever holds the callback
/// is told.
#[must_use = "dropping the guard ends the offer"]
pub struct Offered<I: CallbackInterface + ?Sized> {
    client: Client,
    object: Arc<OfferedObject>,
    detached: bool,
    interface: PhantomData<fn() -> I::Calls>,
}

impl<I: CallbackInterface + ?Sized> Offered<I> {
    /// A handle to the object, to be handed to services.
    pub fn callback(&self) -> Callback<I> {
        let token = self.object.token().expect("it was set before this was handed out");
        let held = self.client.hub().hold(token);
        Callback::new(self.client.clone(), held, Format::default())
    }

    /// Waits until nobody holds the callback any more, after somebody had: the services have let go of
    /// it, or are gone. After the last call. It may be handed out again; that it was let go of once stays
    /// so, with the reason of that time: to be told again, offer another object.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    pub async fn released(&self) -> ReleaseReason {
        self.object.unheld().reason().await.unwrap_or(ReleaseReason::Lost)
    }

    /// Lets the offer stand without the guard, until the last holder has let go of it. If nobody held
    /// it, for as long as the client lives.
    pub fn detach(mut self) {
        self.detached = true;
        let (hub, object) = (Arc::clone(self.client.hub()), Arc::clone(&self.object));
        let unheld = object.unheld();
        self.client.hub().runtime.spawn(async move {
            let _ = unheld.reason().await;
            hub.withdraw(&object);
        });
    }
}

impl<I: CallbackInterface + ?Sized> Drop for Offered<I> {
    fn drop(&mut self) {
        if !self.detached {
            self.client.hub().withdraw(&self.object);
        }
    }
}

impl<I: CallbackInterface + ?Sized> fmt::Debug for Offered<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Offered").field(&I::DESCRIPTION.name).finish()
    }
}

/// An object could not be offered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OfferError {
    /// All lanes of the session are taken by other options.
    #[error("at most {limit} different lane options are possible in one session")]
    TooManyLanes {
        /// The limit.
        limit: usize,
    },
    /// The broker refused.
    #[error("refused by the broker: {message} ({code})")]
    Refused {
        /// Why, for programs.
        code: ErrorCode,
        /// Why, for people.
        message: String,
    },
    /// The client is closed.
    #[error("the client is closed: {0}")]
    Closed(ClosedReason),
}

impl OfferError {
    fn of(failure: Failure) -> Self {
        match failure {
            Failure::Rejected(rejected) => {
                Self::Refused { code: rejected.code, message: rejected.message }
            }
            Failure::Failed(error) => {
                Self::Refused { code: ErrorCode::Unrecognised, message: error.message }
            }
            Failure::Closed(reason) => Self::Closed(reason),
            Failure::Disconnected => Self::Closed(ClosedReason::Asked),
        }
    }
}

impl From<SubscribeError> for OfferError {
    fn from(error: SubscribeError) -> Self {
        match error {
            SubscribeError::Closed(reason) => Self::Closed(reason),
            SubscribeError::TooManyLanes { limit } => Self::TooManyLanes { limit },
            SubscribeError::Refused { code, message, .. } => Self::Refused { code, message },
            other => Self::Refused { code: ErrorCode::Unrecognised, message: other.to_string() },
        }
    }
}
