//! What the program wishes to be told of its connection, told outside the connection's task.

use std::fmt;

use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::{ConnectionState, Refused};

/// Notices that wait for slow callbacks at most; what comes beyond is left out.
const NOTICES_MAX: usize = 64;

type Callback<T> = Box<dyn FnMut(T) + Send>;

/// The program's callbacks about its connection.
#[derive(Default)]
pub(crate) struct Observers {
    pub(crate) state: Option<Callback<ConnectionState>>,
    pub(crate) refused: Option<Callback<Refused>>,
}

impl fmt::Debug for Observers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observers").finish_non_exhaustive()
    }
}

enum Notice {
    State(ConnectionState),
    Refused(Refused),
}

/// The way to the callbacks.
pub(crate) struct Notices {
    sender: Option<mpsc::Sender<Notice>>,
}

impl Notices {
    /// Starts to call back.
    pub(crate) fn start(runtime: &Handle, observers: Observers) -> Self {
        if observers.state.is_none() && observers.refused.is_none() {
            return Self { sender: None };
        }
        let (sender, receiver) = mpsc::channel(NOTICES_MAX);
        runtime.spawn(call_back(receiver, observers));
        Self { sender: Some(sender) }
    }

    /// Returns whether the callback will hear of it, or there is none.
    pub(crate) fn state(&self, state: ConnectionState) -> bool {
        self.send(Notice::State(state))
    }

    /// Returns whether the callback will hear of it, or there is none.
    pub(crate) fn refused(&self, refused: Refused) -> bool {
        tracing::debug!(code = %refused.code, refused.message, "a publish was refused");
        self.send(Notice::Refused(refused))
    }

    fn send(&self, notice: Notice) -> bool {
        self.sender.as_ref().is_none_or(|sender| sender.try_send(notice).is_ok())
    }
}

async fn call_back(mut receiver: mpsc::Receiver<Notice>, mut observers: Observers) {
    while let Some(notice) = receiver.recv().await {
        match (notice, &mut observers) {
            (Notice::State(state), Observers { state: Some(callback), .. }) => callback(state),
            (Notice::Refused(one), Observers { refused: Some(callback), .. }) => callback(one),
            _ => {}
        }
    }
}
