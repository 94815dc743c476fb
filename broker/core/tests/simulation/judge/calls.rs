//! Requests and their outcomes.

use broker_protocol::frame::{Outcome, RoutedReply};

use super::data::number_in;
use super::{Judge, Pending, Wrong};

/// A request, from its asker's mouth to its outcome.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) topic: String,
    /// How many providers were asked.
    pub(crate) providers: u32,
    /// Whether a provider has answered it.
    pub(crate) answered: bool,
}

impl Judge {
    pub(super) fn reply(&mut self, client: usize, reply: &RoutedReply<'_>) -> Wrong {
        let Some(Pending::Request(call)) = self.views[client].pending.remove(&reply.id) else {
            return Err(format!("a reply to {}, which doesn't wait", reply.id));
        };
        if !self.calls[call].answered {
            return Err(format!("a reply to request {call} that no provider gave"));
        }
        match &reply.outcome {
            Outcome::Answer(body) if number_in(body)? != call => {
                Err(format!("request {call} got the answer of another"))
            }
            Outcome::Answer(_) => Ok(()),
            Outcome::Failure(error) if error.message == call.to_string() => Ok(()),
            Outcome::Failure(error) => Err(format!("request {call} got the failure {error:?}")),
        }
    }
}
