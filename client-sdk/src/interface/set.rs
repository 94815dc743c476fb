//! Many callbacks that are called at once.

use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use broker_protocol::ErrorCode;
use broker_protocol::frame::{Attach, ClientFrame, Detach};

use super::callback::{self, Callback};
use super::format::Format;
use super::holding::Holding;
use super::remote::{Calls, Remote, Target};
use super::{CallError, CallbackInterface};
use crate::Client;
use crate::hub::{Attached, Failure, Hub};
use crate::open_call::OpenCall;
use crate::publication::room_for;

/// Callbacks of many clients that are called at once: a call of it is one message, written once,
/// however many they are.
///
/// It stands for a topic: `T.method` carries the calls of `method`. Whoever may publish there may call
/// it, and several services that use one topic call and fill the same set. Calls with an answer can't
/// be made to many.
///
/// It holds what is attached to it. A callback that is over leaves it. Dropping the last clone of a set
/// detaches what was attached through it, as does the end of this client's session, unless another session
/// attached it too; in a new session it is attached anew.
pub struct CallbackSet<I: CallbackInterface + ?Sized> {
    calls: I::Broadcast,
    members: Arc<Members>,
    interface: PhantomData<fn() -> I::Calls>,
}

/// What is attached through a set.
pub(crate) struct Members {
    /// The number by which the hub knows it.
    number: u64,
    hub: Arc<Hub>,
    topic: Arc<str>,
    by_token: Mutex<HashMap<Arc<str>, Arc<Holding>>>,
}

impl<I: CallbackInterface + ?Sized> CallbackSet<I> {
    pub(crate) fn new(client: &Client, topic: &str, format: Format) -> Self {
        let topic: Arc<str> = Arc::from(topic);
        let target = Target::Set(Arc::clone(&topic));
        let remote =
            Remote { client: client.clone(), format, timeout: None, expires_in: None, target };
        let hub = Arc::clone(client.hub());
        let members = Arc::new_cyclic(|members| {
            let number = hub.begin_set(members);
            Members { number, hub, topic, by_token: Mutex::default() }
        });
        Self::of(remote, members)
    }

    fn of(remote: Remote, members: Arc<Members>) -> Self {
        Self { calls: I::Broadcast::new(remote), members, interface: PhantomData }
    }

    /// The topic.
    pub fn topic(&self) -> &str {
        &self.members.topic
    }

    /// How many are attached through this set.
    pub fn len(&self) -> usize {
        self.members.lock().len()
    }

    /// Whether none is attached through this set.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The same set, calls of which aren't worth making any more after so long, in steps of 1 ms,
    /// whatever its methods say. A callback for which a call has to wait that long is told a gap in its place.
    #[must_use]
    pub fn expires_in(&self, time: Duration) -> Self {
        Self::of(self.calls.remote().expiring(time), Arc::clone(&self.members))
    }

    /// Attaches a callback: it gets the calls that are made after this, and those of this program that
    /// are made after this was called. Once, however often it is attached.
    ///
    /// # Errors
    /// [`CallError::Released`] if it is over; if the broker refuses; [`CallError::Refused`] with
    /// [`ErrorCode::InvalidField`] if it is called in another format than the set.
    pub async fn attach(&self, callback: &Callback<I>) -> Result<(), CallError>
    where
        I: 'static,
    {
        callback::check(callback.held())?;
        let format = self.calls.remote().format;
        if format == Format::Bincode && callback.format() == Format::Json {
            let message = "it understands JSON alone: make the set with `json_callback_set`";
            let (code, message) = (ErrorCode::InvalidField, message.to_owned());
            return Err(CallError::Refused { code, message });
        }
        let token = Arc::clone(callback.held().token());
        let said = self
            .members
            .say(&token, |id, topic, callback| ClientFrame::Attach(Attach { id, topic, callback }));
        said.await?;
        self.members.lock().insert(Arc::clone(&token), Arc::clone(callback.held()));
        let members = Arc::downgrade(&self.members);
        callback.on_released(move |_| {
            if let Some(members) = members.upgrade() {
                members.forget(&token);
            }
        });
        Ok(())
    }

    /// Detaches a callback: it gets no calls that are made after this. One that isn't attached stays so.
    ///
    /// # Errors
    /// As [`attach`](Self::attach).
    pub async fn detach(&self, callback: &Callback<I>) -> Result<(), CallError> {
        let token = Arc::clone(callback.held().token());
        let left = self.members.lock().remove(&token);
        let said = self
            .members
            .say(&token, |id, topic, callback| ClientFrame::Detach(Detach { id, topic, callback }));
        let said = said.await;
        drop(left);
        match said {
            Err(CallError::Released) => Ok(()),
            said => said,
        }
    }
}

impl Members {
    /// What is attached, to be attached in a new session: that has nothing of those before.
    pub(crate) fn attached(&self) -> Vec<Attached> {
        let members = self.lock();
        let there = members.iter().filter(|(_, held)| !held.is_over());
        let attached = there.map(|(token, _)| Attached {
            set: self.number,
            topic: Arc::clone(&self.topic),
            token: Arc::clone(token),
        });
        attached.collect()
    }

    /// It isn't attached any more.
    pub(crate) fn forget(&self, token: &str) {
        let left = self.lock().remove(token);
        drop(left);
    }

    async fn say(
        &self,
        token: &str,
        frame: impl FnOnce(u64, String, String) -> ClientFrame<'static>,
    ) -> Result<(), CallError> {
        let hub = &self.hub;
        let closed = || CallError::Closed(hub.closed_reason());
        let _turn = hub.commands.acquire().await.map_err(|_| closed())?;
        let room = room_for(hub, self.topic.len() + token.len()).await.ok_or_else(closed)?;
        let (topic, token) = (self.topic.to_string(), token.to_owned());
        let asked = OpenCall::ask(hub, room, |id| hub.encode(&frame(id, topic, token)));
        asked.answer().await.map(drop).map_err(|failure| match failure {
            Failure::Rejected(rejected) if rejected.code == ErrorCode::UnknownCallback => {
                CallError::Released
            }
            Failure::Rejected(rejected) => {
                CallError::Refused { code: rejected.code, message: rejected.message }
            }
            Failure::Failed(error) => {
                CallError::Failed { code: error.code, message: error.message }
            }
            Failure::Disconnected => CallError::Disconnected,
            Failure::Closed(reason) => CallError::Closed(reason),
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Arc<Holding>>> {
        self.by_token.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Members {
    fn drop(&mut self) {
        self.hub.end_set(self.number);
        let members = self.by_token.get_mut().unwrap_or_else(PoisonError::into_inner);
        for token in members.keys() {
            let (topic, callback) = (self.topic.to_string(), token.to_string());
            self.hub.say_detach(topic, callback);
        }
    }
}

impl<I: CallbackInterface + ?Sized> Deref for CallbackSet<I> {
    type Target = I::Broadcast;

    fn deref(&self) -> &I::Broadcast {
        &self.calls
    }
}

impl<I: CallbackInterface + ?Sized> Clone for CallbackSet<I> {
    fn clone(&self) -> Self {
        Self::of(self.calls.remote().clone(), Arc::clone(&self.members))
    }
}

impl<I: CallbackInterface + ?Sized> fmt::Debug for CallbackSet<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallbackSet")
            .field("topic", &self.topic())
            .field("len", &self.len())
            .finish()
    }
}
