//! The answers to commands: exactly one each.

use broker_protocol::ErrorCode;
use broker_protocol::frame::{Accepted, Rejected};

use super::conflated::Published;
use super::{Arrival, Judge, Kind, Pending, Purpose, Stand, Sub, Wrong};
use crate::plan::{TOPICS, matches};

impl Judge {
    pub(super) fn accepted(
        &mut self,
        client: usize,
        arrival: Arrival,
        accepted: &Accepted,
    ) -> Wrong {
        let pending = self.views[client].pending.remove(&accepted.id);
        let lane = self.views[client].header(arrival).lane;
        match pending {
            None => Err(format!("`accepted` for {}, which doesn't wait", accepted.id)),
            Some(Pending::Request(_)) => Err("a request was `accepted`".to_owned()),
            Some(Pending::Message(record)) => {
                self.truth.records[record].acked = true;
                self.truth.records[record].known_at.get_or_insert(self.clock);
                self.accepts_call(record)
            }
            Some(Pending::Offer(kind)) => self.offered(client, kind, accepted),
            Some(Pending::Hold(hold)) => self.holds(hold, accepted),
            Some(Pending::Attachment(callback)) => {
                self.asked(callback, true);
                self.repeats(callback, accepted)
            }
            Some(Pending::Update(lane, wished)) => self.updated(client, lane, &wished, accepted),
            Some(_) if accepted.lane != Some(lane) => {
                Err(format!("{accepted:?} came in lane {lane}"))
            }
            Some(Pending::Move { lane: wished, .. }) if lane != wished => {
                Err(format!("a move to lane {wished} ended in lane {lane}"))
            }
            Some(Pending::Move { is_there: true, .. }) => Ok(()),
            Some(Pending::Move { subscription, .. }) => {
                self.entered(client, subscription, accepted)
            }
            Some(Pending::Stand(sub)) => self.begun(client, *sub, accepted),
            Some(Pending::Unsubscribe(number)) => self.left(client, number),
        }
    }

    pub(super) fn begun(&mut self, client: usize, mut sub: Sub, accepted: &Accepted) -> Wrong {
        let (Some(number), Some(lane)) = (accepted.subscription, accepted.lane) else {
            return Err(format!("{accepted:?} names no subscription"));
        };
        sub.lane = lane;
        if let Purpose::Group(group) = &sub.purpose {
            self.join_group(group, &sub.filter, !self.views[client].ended);
        }
        let view = &mut self.views[client];
        let snapshot = sub.snapshot;
        sub.values.iter_mut().for_each(|values| values.begin(snapshot));
        let book = view.lanes.entry(lane).or_default();
        sub.joins(book);
        book.grant(accepted)?;
        if let Some(wished) = view.wished.get(&lane) {
            book.check_granted(wished)?;
        }
        if matches!(sub.purpose, Purpose::Messages { .. }) {
            book.begin(&sub, self.step, self.one_epoch, None);
        }
        match view.subs.insert(number, sub) {
            None => Ok(()),
            Some(_) => Err(format!("a second subscription {number}")),
        }
    }

    fn left(&mut self, client: usize, number: u64) -> Wrong {
        let view = &mut self.views[client];
        let mut sub = view.subs.remove(&number).ok_or("what ends has begun")?;
        match sub.purpose {
            Purpose::Messages { .. } => self.finish(client, sub.lane, number, &mut sub),
            _ => Ok(()),
        }
    }

    /// What only this subscription covered in a lane has come to its end.
    pub(super) fn finish(
        &mut self,
        client: usize,
        lane_number: u8,
        number: u64,
        sub: &mut Sub,
    ) -> Wrong {
        let view = &mut self.views[client];
        for (topic, name) in TOPICS.iter().enumerate() {
            if !matches(&sub.filter, name) || view.covers(lane_number, name) {
                continue;
            }
            let lane = view.lanes.get_mut(&lane_number).ok_or("its lane is open")?;
            if let Some(keep) = lane.keeps() {
                let of = Published::of(&self.truth, topic);
                let ended = lane.conflated.end(sub.snapshot[topic], keep, of);
                let wrong = |what| format!("{name} when {number} ended: {what}");
                let (end, book) = ended.map_err(wrong)?;
                sub.ends[topic] = end;
                lane.end_documents(topic, book);
                continue;
            }
            let track = lane.tracks.remove(&topic).ok_or("what was covered has a track")?;
            let known = sub.snapshot[topic];
            let due = self.truth.first_after(topic, track.accepted);
            let reached = track.must_reach(known, due);
            reached.map_err(|what| format!("{name} when {number} ended: {what}"))?;
            sub.ends[topic] = track.end();
            if track.is_loose() {
                lane.left.push((topic, track));
            }
        }
        Ok(())
    }

    pub(super) fn rejected(&mut self, client: usize, rejected: &Rejected) -> Wrong {
        let of_a_send = [
            ErrorCode::NoSuchClient,
            ErrorCode::Busy,
            ErrorCode::UnknownCallback,
            ErrorCode::UnknownMethod,
        ];
        if rejected.id == 0 && of_a_send.contains(&rejected.code) {
            return Ok(());
        }
        let Some(pending) = self.views[client].pending.remove(&rejected.id) else {
            return Err(format!("{rejected:?} for what doesn't wait"));
        };
        let lost = rejected.code == ErrorCode::AnswerLost;
        self.refused(client, &pending, rejected.code)?;
        let expected: &[ErrorCode] = match pending {
            Pending::Request(_) => &[
                ErrorCode::NobodyAnswers,
                ErrorCode::Busy,
                ErrorCode::ProviderGone,
                ErrorCode::TimedOut,
                ErrorCode::Cancelled,
                ErrorCode::UnknownCallback,
                ErrorCode::UnknownMethod,
            ],
            Pending::Message(_) if lost => &[],
            Pending::Message(record) => {
                self.truth.records[record].refused = true;
                match self.truth.records[record].kind {
                    Kind::Call(..) => &[ErrorCode::UnknownCallback, ErrorCode::Busy],
                    _ => &[ErrorCode::NoSuchClient, ErrorCode::Busy],
                }
            }
            Pending::Stand(_)
            | Pending::Unsubscribe(_)
            | Pending::Move { .. }
            | Pending::Update(..) => &[],
            Pending::Offer(_) => &[ErrorCode::TooManyCallbacks],
            Pending::Hold(_) => &[ErrorCode::UnknownCallback, ErrorCode::TooManyCallbacks],
            Pending::Attachment(_) => &[ErrorCode::UnknownCallback, ErrorCode::Busy],
        };
        match expected.contains(&rejected.code) || lost {
            true => Ok(()),
            false => Err(format!("{rejected:?}")),
        }
    }

    /// What a refusal of something about a callback tells.
    fn refused(&mut self, client: usize, pending: &Pending, code: ErrorCode) -> Wrong {
        let (lost, full) = (code == ErrorCode::AnswerLost, code == ErrorCode::TooManyCallbacks);
        let unknown = code == ErrorCode::UnknownCallback;
        match pending {
            Pending::Offer(_) if lost => {
                self.views[client].lost_offers += 1;
                Ok(())
            }
            Pending::Offer(_) => self.offers_too_much(client),
            Pending::Hold(_) if lost => Ok(()),
            Pending::Hold(hold) => self.holds_not(*hold, full),
            Pending::Attachment(callback) => {
                self.asked(*callback, lost);
                if unknown { self.unknown_callback(*callback) } else { Ok(()) }
            }
            Pending::Message(record) if unknown => match self.truth.records[*record].kind {
                Kind::Call(callback, _) => self.unknown_callback(callback),
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// A client asks for the end of a subscription.
    pub(crate) fn leaves(&mut self, client: usize, number: u64) {
        let snapshot = self.truth.snapshot();
        let Some(sub) = self.views[client].subs.get_mut(&number) else { return };
        sub.stand = Stand::Leaving;
        sub.snapshot = snapshot;
        if let Purpose::Group(group) = sub.purpose.clone() {
            let filter = sub.filter.clone();
            self.leave_group(&group, &filter);
        }
    }
}
