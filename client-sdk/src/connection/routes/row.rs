//! Messages of a packet that go on with the one before them: of the same topic and sender, with the next
//! number. They go where that one went without being routed, and are noted together.
//!
//! Whatever else is to be read or handed on comes behind [`Routes::enter_row`].

use broker_protocol::frame;

use super::{DIRECT_PREFIX, Routes};
use crate::connection::positions::{Moment, Word};
use crate::hub::Hub;

/// What was gathered behind a message that was routed, and isn't noted anywhere yet.
#[derive(Debug, Default)]
pub(super) struct Row {
    /// The number that goes on with it; `None` if nothing does.
    next: Option<u64>,
    messages: u64,
    bytes: u64,
}

impl Row {
    /// A message was gathered. Others may go on with it, unless each has to be judged by itself.
    pub(super) fn begin(&mut self, message: &frame::Message<'_>, may_go_on: bool) {
        let next = message.seq.checked_add(1).filter(|_| may_go_on);
        *self = Self { next, messages: 0, bytes: 0 };
    }
}

impl Routes {
    /// Takes a message of so many bytes, of the same topic and sender as the one before it in its packet, if
    /// it goes on with that one.
    #[inline]
    pub(in crate::connection) fn goes_on(
        &mut self,
        message: &frame::Message<'_>,
        bytes: usize,
    ) -> bool {
        let (Self { row, gathering, .. }, bytes) = (self, bytes as u64);
        let Some(after) = message.seq.checked_add(1) else { return false };
        let goes_on = row.next == Some(message.seq) && gathering.add_next(message, bytes);
        if goes_on {
            row.next = Some(after);
            row.messages += 1;
            row.bytes += bytes;
        }
        goes_on
    }

    /// Notes what went on with the message that was routed last. Nothing more does.
    pub(super) fn enter_row(&mut self, hub: &Hub) {
        let Row { next, messages, bytes } = std::mem::take(&mut self.row);
        let (Some(next), Some((number, shared))) = (next, self.gathering.gathered()) else {
            return;
        };
        if messages == 0 {
            return;
        }
        self.uncounted += messages;
        hub.credit.note_received(number, messages, bytes);
        // Calls of one object are counted nowhere else.
        if !shared.topic.starts_with(DIRECT_PREFIX)
            && let Some(lane) = self.lanes.get_mut(&number)
        {
            lane.tick += messages;
            let (first, last) = (next - messages, next - 1);
            let word = Word { epoch: shared.epoch, first, last, count: messages };
            let at = Moment { connection: self.connection, tick: lane.tick };
            lane.topics.entry(&shared.topic).advance(word, at, |_| true);
        }
    }
}
