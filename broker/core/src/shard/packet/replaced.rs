//! What the messages of one packet replaced or took in, told in front of them: one gap for each topic
//! and reason.

use std::sync::Arc;

use broker_delivery::lane::{self, Ledger, Missing, Skipped};
use broker_protocol::Codec;
use broker_protocol::frame::{BrokerFrame, Gap, GapReason};
use bytes::BytesMut;

/// The most that a gap takes in a packet beside its topic, in bytes.
const GAP_BYTES: usize = 64;
const JSON_GAP_BYTES: usize = 192;

/// What the messages of one packet replaced.
#[derive(Debug, Default)]
pub(super) struct Replaced {
    ledger: Ledger,
    /// Where the first message is that replaced others: behind how many bytes and frames.
    place: (usize, u32),
}

impl Replaced {
    /// Whether nothing was replaced.
    pub(super) fn is_empty(&self) -> bool {
        self.ledger.gaps().is_empty()
    }

    /// How much of the packet has to stay free, so that one more message of a topic can be told to
    /// have replaced others, in bytes.
    pub(super) fn room_for(
        &self,
        codec: Codec,
        topic: &Arc<str>,
        reason: lane::GapReason,
    ) -> usize {
        let told = |gap: &lane::Gap| {
            gap.reason == reason && gap.of.as_ref().is_some_and(|(of, _)| Arc::ptr_eq(of, topic))
        };
        match codec {
            _ if self.ledger.gaps().last().is_some_and(told) => 0,
            Codec::Bincode => GAP_BYTES + topic.len(),
            // A quote in a topic is two bytes.
            Codec::Json => JSON_GAP_BYTES + 2 * topic.len(),
        }
    }

    /// Notes that the message which begins at `place` of the packet replaced others.
    pub(super) fn note(
        &mut self,
        place: (usize, u32),
        (topic, epoch): (&Arc<str>, u64),
        (reason, skipped): (lane::GapReason, Skipped),
    ) {
        if self.is_empty() {
            self.place = place;
        }
        self.ledger.record(Missing { topic, epoch, skipped, reason, addressee: None });
    }

    /// Writes the gaps, and notes where.
    pub(super) fn write(
        self,
        codec: Codec,
        out: &mut BytesMut,
        written: &mut Vec<(u32, lane::Gap)>,
    ) {
        if self.is_empty() {
            return;
        }
        let (place, frames) = self.place;
        let end = out.len();
        for gap in self.ledger.gaps() {
            codec.write_broker(&told(gap), out);
        }
        let gap_bytes = out.len() - end;
        out[place..].rotate_right(gap_bytes);
        written.extend(self.ledger.gaps().iter().map(|gap| (frames, gap.clone())));
    }
}

/// A gap as a frame.
pub(super) fn told(gap: &lane::Gap) -> BrokerFrame<'static> {
    use lane::GapReason as Reason;
    let reason = match gap.reason {
        Reason::Conflated => GapReason::Conflated,
        Reason::Merged => GapReason::Merged,
        Reason::Dropped => GapReason::Dropped,
        Reason::Expired => GapReason::Expired,
    };
    let of_topic = gap.of.is_some();
    BrokerFrame::Gap(Gap {
        topic: gap.of.as_ref().map(|(topic, _)| topic.to_string()),
        epoch: gap.of.as_ref().map(|(_, epoch)| *epoch),
        first_seq: of_topic.then_some(gap.first_seq),
        last_seq: of_topic.then_some(gap.last_seq),
        count: gap.count,
        reason,
    })
}
