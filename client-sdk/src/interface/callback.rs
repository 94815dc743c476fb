//! A handle to a callback.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::format::{self, Format};
use super::handle::Handle;
use super::holding::{Holding, ReleaseReason};
use super::presence::OwnerPresence;
use super::remote::{Remote, Target};
use super::{CallError, CallbackInterface};
use crate::Client;

/// What stands behind the token of a callback that understands bincode. A token alone is one that is
/// called in JSON.
const BINCODE: &str = ";bincode";

/// Longer ones than any token aren't told to the broker.
const TOKEN_BYTES_MAX: usize = 128;

/// A handle to an object at a client, to be called like the object itself.
///
/// A value like any other: clone it, store it, compare it, send it on to other services. A call without
/// an answer never waits for the client: what it can't take yet waits in its lane at the broker, as
/// the method's `keep` says. One with an answer waits for that, up to its time-out.
///
/// The client is called as long as it offers the object: until it drops its guard, ends, or is lost for
/// longer than its session waits for it. Then [`released`](Self::released) says so, after the last
/// call; calls without an answer do nothing from then on ([`Told::ok`](super::Told::ok) would say
/// [`CallError::Released`]), those with an answer fail with that. When the last handle here is dropped,
/// the client is told.
///
/// Handles are equal if they are to the same object, and only that is hashed. Clippy can't see this: where one
/// is the key of a map or in a set, it wants `#[allow(clippy::mutable_key_type)]`.
pub struct Callback<I: ?Sized>(Handle<I>);

impl<I: CallbackInterface + ?Sized> Callback<I> {
    pub(super) fn new(client: Client, held: Arc<Holding>, format: Format) -> Self {
        let target = Target::Callback(held);
        Self::of(Remote { client, format, timeout: None, expires_in: None, target })
    }

    fn of(remote: Remote) -> Self {
        Self(Handle::new(remote))
    }

    /// The same callback, each answer of which is waited for so long, whatever its method says.
    #[must_use]
    pub fn timeout(&self, most: Duration) -> Self {
        Self::of(Remote { timeout: Some(most), ..self.0.remote().clone() })
    }

    /// The same callback, calls of which aren't worth making any more after so long, in steps of 1 ms:
    /// those without an answer, whatever its methods say. A call that has to wait that long is left out, and told to the object
    /// as a gap of what has `expired` ([`OfferBuilder::on_gap`](super::OfferBuilder::on_gap)).
    #[must_use]
    pub fn expires_in(&self, time: Duration) -> Self {
        Self::of(self.0.remote().expiring(time))
    }

    /// Whether it is over, and why.
    pub fn is_released(&self) -> Option<ReleaseReason> {
        self.held().reason()
    }

    /// Waits until it is over, and says why.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    pub async fn released(&self) -> ReleaseReason {
        self.held().awaited().reason().await.unwrap_or(ReleaseReason::Lost)
    }

    /// Calls a closure once it is over; at once, if it is. The closure keeps no handle: if all are
    /// dropped before, it isn't called.
    ///
    /// It runs in a task of the client's runtime and may do what it likes.
    pub fn on_released(&self, tell: impl FnOnce(ReleaseReason) + Send + 'static) {
        let over = self.held().awaited();
        self.0.remote().client.hub().runtime.spawn(async move {
            if let Some(reason) = over.reason().await {
                tell(reason);
            }
        });
    }

    /// Where its client is: whether its connection is lost, and when it is back. Asked of the broker the
    /// first time; until it has answered, the client counts as connected.
    pub fn presence(&self) -> OwnerPresence {
        self.held().presence()
    }

    /// Calls a closure with `true` whenever its client has lost its connection, and with `false` when it
    /// is back; at once, if it is away. The calls that it misses wait in their lanes. When it doesn't
    /// come back in time, the callback is [`released`](Self::released). In a new session of this client
    /// who was away counts as back until the broker has told again.
    ///
    /// It runs in a task of the client's runtime, one call at a time. The closure keeps no handle.
    pub fn on_away(&self, mut tell: impl FnMut(bool) + Send + 'static) {
        let mut presence = self.presence();
        self.0.remote().client.hub().runtime.spawn(async move {
            if presence.begins_away() {
                tell(true);
            }
            while let Some(away) = presence.changed().await {
                tell(away);
            }
        });
    }

    pub(super) fn held(&self) -> &Arc<Holding> {
        let Target::Callback(held) = &self.0.remote().target else {
            unreachable!("a callback's handle is made for a callback")
        };
        held
    }

    pub(super) fn format(&self) -> Format {
        self.0.remote().format
    }
}

impl<I: CallbackInterface + ?Sized> Deref for Callback<I> {
    type Target = I::Calls;

    fn deref(&self) -> &I::Calls {
        self.0.calls()
    }
}

impl<I: ?Sized> Clone for Callback<I> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<I: CallbackInterface + ?Sized> PartialEq for Callback<I> {
    fn eq(&self, other: &Self) -> bool {
        self.held().token() == other.held().token()
    }
}

impl<I: CallbackInterface + ?Sized> Eq for Callback<I> {}

impl<I: CallbackInterface + ?Sized> Hash for Callback<I> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.held().token().hash(state);
    }
}

impl<I: CallbackInterface + ?Sized> fmt::Debug for Callback<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<I: CallbackInterface + ?Sized> Serialize for Callback<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.held().hand_on();
        let token = self.held().token();
        match self.format() {
            Format::Json => serializer.serialize_str(token),
            Format::Bincode => serializer.collect_str(&format_args!("{token}{BINCODE}")),
        }
    }
}

impl<'de, I: CallbackInterface + ?Sized> Deserialize<'de> for Callback<I> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = String::deserialize(deserializer)?;
        let client = format::reading().map_err(D::Error::custom)?;
        let (token, format) = match written.strip_suffix(BINCODE) {
            Some(token) => (token, Format::Bincode),
            None => (&*written, Format::Json),
        };
        if token.is_empty() || token.len() > TOKEN_BYTES_MAX {
            return Err(D::Error::custom("this is no callback"));
        }
        let held = client.hub().hold(token);
        Ok(Self::new(client, held, format))
    }
}

/// What a call to a callback that is over comes to.
pub(super) fn check(held: &Holding) -> Result<(), CallError> {
    match held.is_over() {
        true => Err(CallError::Released),
        false => Ok(()),
    }
}
