//! Values that aren't retained any more, and calls that have expired, made up to see whether they would be noticed.

use std::borrow::Cow;

use broker_protocol::Codec;
use broker_protocol::frame::{Body, BrokerFrame, Gap, GapReason, LaneHeader, Message};
use bytes::BytesMut;

use super::{Arrival, Judge, Kind};
use crate::plan::{TOPICS, matches};

/// Why a value isn't to come any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gone {
    /// It had expired before it was asked for.
    Expired,
    /// It had been cleared before it was asked for.
    Cleared,
    /// It expired since, while it waited.
    ExpiredSince,
}

impl Judge {
    /// Whether a lane holds keys back.
    pub(crate) fn is_paced(&self, client: usize, lane: u8) -> bool {
        self.views[client].lanes.get(&lane).is_some_and(super::lane::Lane::is_paced)
    }

    /// The frames of a value that isn't to come in a replay that now ends; none if there is no such value.
    pub(crate) fn make_up(
        &self,
        client: usize,
        arrival: Arrival,
        (codec, frame): (Codec, &[u8]),
        gone: Gone,
    ) -> Vec<Vec<u8>> {
        let Ok(Some(BrokerFrame::CaughtUp(end))) = codec.read_broker(frame) else {
            return Vec::new();
        };
        let (before, subscription) = (self.views[client].header(arrival), end.subscription);
        let Some(message) = self.value_that_went(client, arrival, subscription, gone) else {
            return Vec::new();
        };
        let header = LaneHeader { lane: before.lane, subscription: Some(subscription) };
        let frames =
            [BrokerFrame::Lane(header), BrokerFrame::Message(message), BrokerFrame::Lane(before)];
        frames.iter().map(|frame| encoded(codec, frame)).collect()
    }

    /// A call that had expired when the gap was written that tells of one alone; none if there is none.
    pub(crate) fn make_up_call(
        &self,
        arrival: Arrival,
        (codec, frame): (Codec, &[u8]),
    ) -> Vec<Vec<u8>> {
        let message = match codec.read_broker(frame) {
            Ok(Some(BrokerFrame::Gap(gap))) => self.call_that_expired(arrival, &gap),
            _ => None,
        };
        message
            .iter()
            .map(|message| encoded(codec, &BrokerFrame::Message(message.clone())))
            .collect()
    }

    fn call_that_expired(&self, arrival: Arrival, gap: &Gap) -> Option<Message<'_>> {
        let alone = gap.reason == GapReason::Expired && gap.count == 1;
        let topic = gap.topic.clone().filter(|_| alone)?;
        let (callback, method) = self.method(&topic)?;
        let mut records = self.truth.records.iter().enumerate();
        let (number, record) = records.find(|(_, record)| {
            record.kind == Kind::Call(callback, method)
                && record.sent_to == 0
                && record.has_expired(arrival.written.at)
        })?;
        let payload = Cow::Owned(format!("{number}.").into_bytes());
        let body = Body { key: record.key.map(Cow::Borrowed), payload, ..Body::default() };
        let (seq, epoch, from) = (gap.first_seq?, gap.epoch?, &self.views[record.by].name);
        let (topic, from) = (Cow::Owned(topic), Some(Cow::Borrowed(from.as_str())));
        Some(Message { seq, epoch, time: 0, topic, from, body })
    }

    fn value_that_went(
        &self,
        client: usize,
        arrival: Arrival,
        to: u64,
        gone: Gone,
    ) -> Option<Message<'_>> {
        let sub = self.views[client].subs.get(&to)?;
        let went = |number: usize| {
            let record = &self.truth.records[number];
            let expired = record.has_expired(sub.asked_at);
            let cleared = || self.truth.is_cleared(number, &sub.known_at_first());
            match gone {
                Gone::Expired => expired,
                Gone::Cleared => cleared(),
                // Nothing else is wrong with it.
                Gone::ExpiredSince => {
                    record.has_waited(arrival.written)
                        && !arrival.lost
                        && record.has_expired(arrival.written.at)
                        && !expired
                        && !cleared()
                        && sub.is_newer(&self.truth, number)
                }
            }
        };
        let mut records = self.truth.records.iter().enumerate();
        records.find_map(|(number, record)| {
            let Kind::Publish(topic) = record.kind else { return None };
            let (epoch, seq) = record.place?;
            let fits = record.wish.retained && matches(&sub.filter, TOPICS[topic]) && went(number);
            let payload = Cow::Owned(format!("{number}.").into_bytes());
            let body = Body { key: record.key.map(Cow::Borrowed), payload, ..Body::default() };
            let (topic, from) = (Cow::Borrowed(TOPICS[topic]), &self.views[record.by].name);
            let from = Some(Cow::Borrowed(from.as_str()));
            fits.then_some(Message { seq, epoch, time: 0, topic, from, body })
        })
    }
}

fn encoded(codec: Codec, frame: &BrokerFrame<'_>) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    codec.write_broker(frame, &mut bytes);
    let cut = codec.cut(&bytes, usize::MAX);
    cut.ok().flatten().map(|cut| cut.frame.to_vec()).unwrap_or_default()
}
