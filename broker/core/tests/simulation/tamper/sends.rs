//! What goes wrong with messages to one client by name.

use broker_protocol::frame::BrokerFrame;

use super::{Fault, Passing};
use crate::judge::called;

impl Fault {
    /// Whether it may befall a message by name, or a gap of such.
    pub(super) fn concerns_sends(self, from: Passing, frame: &BrokerFrame<'_>) -> bool {
        let is_of_sends = |topic: &str| topic.starts_with("$to.") && called(topic).is_none();
        match (self, frame) {
            (Self::LoseSend, BrokerFrame::Message(_)) => from.is_due_send,
            (Self::MisleadGap, BrokerFrame::Gap(gap)) => {
                gap.topic.as_deref().is_some_and(is_of_sends)
            }
            _ => false,
        }
    }
}
