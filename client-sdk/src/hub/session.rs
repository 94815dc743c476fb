//! Sessions begin, lose their connection, go on, and are over.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use broker_protocol::frame::{Connected, Resume};
use tokio::sync::oneshot;

use super::state::State;
use super::wish::Stage;
use super::{Hub, Open, Target};
use crate::Ended;
use crate::interface::ReleaseReason;
use crate::state::{ConnectionState, Session};

/// What proves a session to be this client's.
#[derive(Clone)]
pub(super) struct Secret {
    session: String,
    secret: String,
}

impl Secret {
    /// Without a secret there is nothing to go on with.
    fn of(connected: &Connected) -> Option<Self> {
        let Connected { session, secret, .. } = connected;
        let there = !session.is_empty() && !secret.is_empty();
        there.then(|| Self { session: session.clone(), secret: secret.clone() })
    }
}

/// What is over with a session, to be told once nothing is locked.
#[derive(Default)]
struct Over {
    failed: Vec<Open>,
    ended: Vec<Target>,
    cancelled: HashMap<Arc<str>, oneshot::Sender<()>>,
    room: usize,
}

impl Hub {
    /// A session is open. If it is a new one, what meant the one before it is over, and all wishes are
    /// to be made known; if the one before goes on, only what it doesn't know is.
    pub(crate) fn connected(&self, connected: Connected) {
        let receive_window = connected.receive_window;
        let secret = Secret::of(&connected);
        match connected.resumed {
            true => self.credit.resumed(&connected.lanes),
            false => self.credit.new_session(),
        }
        self.credit.connected(receive_window);
        let session = Session::from(connected);
        let over = {
            let mut state = self.lock();
            let over = match session.resumed {
                true => state.go_on(),
                false => state.start_over(),
            };
            self.set_payload_bytes_max(Some(session.limits.payload_bytes_max));
            (state.session, state.secret) = (Some(session.clone()), secret);
            let wishes = state.wishes.iter().filter(|(_, wish)| wish.stage == Stage::Waiting);
            state.unannounced = wishes.map(|(id, _)| *id).collect();
            over
        };
        self.finish(over);
        if !session.resumed {
            self.end_offers(ReleaseReason::Lost);
            // Nothing is sent before, as the connection's task is here.
            let anew = self.all_anew();
            self.lock().anew = anew.into();
        }
        match session.resumed {
            true => self.counters.resumed.count(),
            false => self.counters.sessions.count(),
        }
        self.tell(ConnectionState::Connected(session));
    }

    /// The connection is lost. Where the session may go on over another one, everything waits for
    /// that. Otherwise commands that were sent fail: nobody knows their outcome.
    pub(crate) fn disconnected(&self) {
        let over = {
            let mut state = self.lock();
            self.set_payload_bytes_max(None);
            state.session = None;
            state.lost_at = Some(SystemTime::now());
            state.unannounced.clear();
            match state.secret {
                Some(_) => Over::default(),
                None => state.start_over(),
            }
        };
        self.finish(over);
    }

    /// The session doesn't go on over another connection.
    pub(crate) fn forget_session(&self) {
        self.lock().secret = None;
    }

    fn finish(&self, over: Over) {
        drop(over.cancelled);
        self.room.add_permits(over.room);
        over.failed.into_iter().for_each(Open::disconnected);
        over.ended.into_iter().for_each(|target| target.end(Ended::Unsubscribed));
    }

    /// The session to go on with, and how much of each lane was received.
    pub(crate) fn resume(&self) -> Option<Resume> {
        let secret = self.lock().secret.clone();
        let Secret { session, secret } = secret?;
        Some(Resume { session, secret, lanes: self.credit.positions() })
    }
}

impl State {
    /// The session goes on: what wasn't answered is said again, in front of what wasn't said.
    fn go_on(&mut self) -> Over {
        let Self { open, outgoing, .. } = self;
        let failed = open.fail_unkept();
        outgoing.repeat(open.unanswered(), |id| open.was_sent(id));
        self.lost_at = None;
        Over { failed, ..Over::default() }
    }

    /// The session is over: wishes wait for the next one, and what was sent is lost.
    fn start_over(&mut self) -> Over {
        self.secret = None;
        self.anew.clear();
        Over {
            cancelled: std::mem::take(&mut self.answering),
            failed: self.open.fail_sent(),
            ended: self.interrupt_wishes(),
            room: self.outgoing.forget_connection(),
        }
    }
}
