//! Messages, gaps, presence and requests as they arrive in a lane.

use broker_protocol::Codec;
use broker_protocol::frame::{self, Body, BrokerFrame, GapReason, Presence, RoutedRequest};
use bytes::BytesMut;

use super::truth::Kind;
use super::{Arrival, Judge, KINDS, Purpose, Truth, Wrong};
use crate::plan::{TOPICS, matches};
use crate::script::OF_GROUPS;

/// The number that a body begins with, be it in a patch, or in the header of one without payload.
pub(crate) fn number_in(body: &Body<'_>) -> Result<usize, String> {
    let payload = match body.headers.first() {
        Some((_, value)) if body.payload.is_empty() => value.as_bytes(),
        _ => &body.payload,
    };
    let payload = payload.strip_prefix(NUMBERED).unwrap_or(payload);
    let digits = payload.split(|byte| !byte.is_ascii_digit()).next().unwrap_or_default();
    let text = std::str::from_utf8(digits).map_err(|error| error.to_string())?;
    text.parse().map_err(|_| format!("a payload that nobody published: {text:?}"))
}

/// How a patch begins, in front of its number.
pub(crate) const NUMBERED: &[u8] = b"{\"n\":";

impl Judge {
    /// The record of a message, if somebody published exactly that.
    fn record_of(&self, message: &frame::Message<'_>) -> Result<usize, String> {
        let number = number_in(&message.body)?;
        let record = self.truth.records.get(number).ok_or("a message that nobody published")?;
        let name = &self.views[record.by].name;
        let topic = match &record.kind {
            Kind::Publish(topic) => TOPICS[*topic].to_owned(),
            Kind::Send(to) => format!("$to.{to}"),
            Kind::Call(callback, method) => {
                let kind = &KINDS[self.callbacks[*callback].kind];
                self.topic_of(*callback, kind.methods[*method].0)
            }
        };
        if message.topic != topic || message.from.as_deref() != Some(name) {
            return Err(format!("message {number} was for {topic} and from {name}"));
        }
        if message.body.key.as_deref() != record.key {
            return Err(format!("message {number} has the key {:?}", record.key));
        }
        Ok(number)
    }

    pub(super) fn message(
        &mut self,
        client: usize,
        arrival: Arrival,
        message: &frame::Message<'_>,
    ) -> Wrong {
        let number = self.record_of(message)?;
        self.count_released(client, arrival, message)?;
        let header = self.views[client].header(arrival);
        self.check_in_time(client, arrival, number)?;
        match self.truth.records[number].kind.clone() {
            Kind::Send(_) => self.sent(client, header.lane, message, number),
            Kind::Call(..) => self.call(client, arrival, message, number),
            Kind::Publish(topic) => {
                let place = (message.epoch, message.seq);
                self.truth.place(topic, place, number)?;
                self.check_epochs(client, arrival, (topic, place), number)?;
                self.truth.records[number].known_at.get_or_insert(self.clock);
                self.check_released(client, header.lane, number)?;
                if header.subscription.is_none() {
                    self.newer(client, header.lane, topic, number)?;
                }
                match header.subscription {
                    Some(to) if header.lane == OF_GROUPS => {
                        self.group_message(client, header.lane, to, number)
                    }
                    Some(to) => self.value(client, (arrival, to), topic, message, number),
                    None if self.lane_of(client, arrival).1 => {
                        self.conflated_message(client, arrival, topic, message, number)
                    }
                    None => self.message_for_all(client, header.lane, topic, message, number),
                }
            }
        }
    }

    /// Where something had waited, or is held back, nothing is written that had expired. In a group it may
    /// have waited for another member.
    fn check_in_time(&self, client: usize, arrival: Arrival, number: usize) -> Wrong {
        let lane = self.views[client].header(arrival).lane;
        let record = &self.truth.records[number];
        let waited = record.has_waited(arrival.written) || self.is_paced(client, lane);
        let expired = record.has_expired(arrival.written.at);
        match expired && waited && lane != OF_GROUPS {
            true => Err(format!("message {number} was written when it had expired")),
            false => Ok(()),
        }
    }

    pub(super) fn written_to(
        &mut self,
        client: usize,
        arrival: Arrival,
        message: &frame::Message<'_>,
    ) -> Wrong {
        let number = self.record_of(message)?;
        if let Kind::Publish(topic) = self.truth.records[number].kind {
            let place = (message.epoch, message.seq);
            self.truth.place(topic, place, number)?;
            self.check_epochs(client, arrival, (topic, place), number)?;
        } else {
            self.truth.records[number].sent_to += 1;
        }
        let header = self.views[client].header(arrival);
        match header.subscription {
            Some(to) if header.lane == OF_GROUPS && self.views[client].subs.contains_key(&to) => {
                self.group_message(client, header.lane, to, number)
            }
            _ => Ok(()),
        }
    }

    fn message_for_all(
        &mut self,
        client: usize,
        lane_number: u8,
        topic: usize,
        message: &frame::Message<'_>,
        number: usize,
    ) -> Wrong {
        let by = self.truth.records[number].by;
        let view = &mut self.views[client];
        let lane = view.lanes.get_mut(&lane_number).ok_or("data of a lane that isn't open")?;
        let track = lane.tracks.get_mut(&topic).ok_or_else(|| {
            format!("{} in lane {lane_number}, where no subscription covers it", message.topic)
        })?;
        let told = track.told(message.epoch, message.seq, message.seq)?;
        lane.told.add(told);
        if lane.told.least > lane.folded {
            return Err("more is missing than gaps of the whole lane told".to_owned());
        }
        let last = lane.publishers.insert(by, number);
        if last.is_some_and(|last| last >= number) {
            return Err(format!("message {number} of a publisher came after its {last:?}"));
        }
        Ok(())
    }

    /// Once a link has refused, no more waits than the bound allows.
    fn count_released(
        &mut self,
        client: usize,
        arrival: Arrival,
        message: &frame::Message<'_>,
    ) -> Wrong {
        let view = &mut self.views[client];
        let number = view.header(arrival).lane;
        // Replays are beside the bound.
        let is_replay = number != OF_GROUPS && view.header(arrival).subscription.is_some();
        if !view.releases.contains(&arrival.written.flush) || is_replay {
            return Ok(());
        }
        let mut frame = BytesMut::new();
        Codec::Bincode.write_broker(&BrokerFrame::Message(message.clone()), &mut frame);
        let lane = view.lanes.get_mut(&number).ok_or("data of a lane that isn't open")?;
        if lane.released.0 != arrival.written.flush {
            lane.released = (arrival.written.flush, 0, 0);
        }
        lane.released.1 += 1;
        lane.released.2 += frame.len() as u64;
        let (_, messages, bytes) = lane.released;
        // A lane that conflates may hold just under twice its bound before it looks what survives.
        let (more, less) = if lane.keeps().is_some() { (2, 1) } else { (1, 0) };
        let most = (
            (lane.most.0 * more).saturating_sub(less),
            (lane.most.1 * u64::from(more)).saturating_sub(u64::from(less)),
        );
        let unknown = lane.granted.bound_messages.is_none();
        let within = unknown || (messages <= most.0 && bytes <= most.1);
        match within || messages == 1 {
            true => Ok(()),
            false => Err(format!("{messages} messages of {bytes} bytes waited; bound {most:?}")),
        }
    }

    pub(super) fn gap(&mut self, client: usize, arrival: Arrival, gap: &frame::Gap) -> Wrong {
        if let Some(found) = self.gap_of_calls(client, arrival, gap) {
            return found;
        }
        if let Some(found) = self.gap_of_sends(client, arrival, gap) {
            return found;
        }
        if self.lane_of(client, arrival).1 {
            return self.conflated_gap(client, arrival, gap);
        }
        let number = self.views[client].header(arrival).lane;
        let view = &mut self.views[client];
        let lane = view.lanes.get_mut(&number).ok_or("a gap of a lane that isn't open")?;
        if gap.count == 0 || !matches!(gap.reason, GapReason::Dropped | GapReason::Expired) {
            return Err(format!("{gap:?}"));
        }
        if number == OF_GROUPS {
            self.excuse_groups(client);
            return Ok(());
        }
        let Some(topic) = &gap.topic else {
            lane.folded += gap.count;
            lane.told_of_sends.count_of_lane(gap);
            for (topic, track) in &mut lane.tracks {
                match lane.was_cut && self.truth.may_expire(*topic, self.clock) {
                    true => track.stay_loose(),
                    false => track.loosen(),
                }
            }
            lane.loosen_calls();
            return Ok(());
        };

        let (Some(epoch), Some(first), Some(last)) = (gap.epoch, gap.first_seq, gap.last_seq)
        else {
            return Err(format!("a gap of a topic without place: {gap:?}"));
        };
        let topic = Truth::topic(topic).ok_or("a gap of a topic that nobody uses")?;
        let track = lane.tracks.get_mut(&topic).ok_or("a gap of a topic that isn't covered")?;
        let is_whole = gap.count == (last + 1).saturating_sub(first);
        // What has expired is told in front of the messages of its packet.
        let fits = gap.count <= (last + 1).saturating_sub(first);
        let leads = fits && !track.awaits((epoch, first));
        let is_apart = match gap.reason {
            GapReason::Expired => leads || !is_whole,
            // What had expired between those that were dropped later is told beside them.
            _ => fits && !is_whole && self.truth.may_expire(topic, self.clock),
        };
        if is_apart {
            lane.folded += gap.count;
            track.loosen_until((epoch, last));
            self.truth.know(topic, (epoch, last));
            return Ok(());
        }
        if !is_whole {
            return Err(format!("a gap that miscounts: {gap:?}"));
        }
        let told = track.told(epoch, first, last)?;
        lane.told.add(told);
        if gap.reason == GapReason::Expired {
            let ends = [(topic, (epoch, first), self.clock), (topic, (epoch, last), self.clock)];
            self.expired.extend(ends);
        }
        self.truth.know(topic, (epoch, last));
        Ok(())
    }

    pub(super) fn presence(
        &mut self,
        client: usize,
        arrival: Arrival,
        presence: &Presence,
    ) -> Wrong {
        let lane = self.views[client].header(arrival).lane;
        let sub = self.views[client].subs.get_mut(&presence.subscription);
        let sub = sub.filter(|sub| sub.purpose == Purpose::Messages { presence: true });
        let sub = sub.ok_or("presence for who didn't ask")?;
        if sub.lane != lane {
            return Err(format!("presence of lane {} in lane {lane}", sub.lane));
        }
        for name in &presence.left {
            sub.present.remove(name);
        }
        sub.present.extend(presence.joined.iter().cloned());
        Ok(())
    }

    pub(super) fn request(
        &mut self,
        client: usize,
        arrival: Arrival,
        request: &RoutedRequest<'_>,
    ) -> Wrong {
        let lane = self.views[client].header(arrival).lane;
        let view = &self.views[client];
        let serves = view.subs.values().any(|sub| {
            sub.lane == lane
                && sub.purpose == Purpose::Requests
                && matches(&sub.filter, &request.topic)
        });
        if !serves && !self.calls_for(client, lane, &request.topic) {
            return Err(format!("a request on {} where nobody serves it", request.topic));
        }
        let view = &mut self.views[client];
        let number = number_in(&request.body)?;
        let call = self.calls.get_mut(number).ok_or("a request that nobody asked")?;
        call.providers += 1;
        view.to_answer.push((request.token.to_string(), number));
        match call.providers == 1 && *call.topic == *request.topic {
            true => Ok(()),
            false => Err(format!("request {number} came {} times", call.providers)),
        }
    }
}
