//! Which subscriptions a gap is for.

use std::sync::Arc;

use broker_protocol::frame::{self, LaneHeader};

use super::handing::{Arrival, Share, push, push_to_all};
use super::receiver::tell_missed;
use super::{DIRECT_LANE, DIRECT_PREFIX, Routes};
use crate::connection::positions::{Moment, Word};
use crate::hub::{Route, Target, WishId};
use crate::inbox::Inbox;
use crate::{Event, Gap, GapCause};

impl Routes {
    pub(in crate::connection) fn gap(
        &mut self,
        header: LaneHeader,
        gap: &frame::Gap,
        arrival: &mut Arrival<'_>,
    ) {
        let told = Gap {
            topic: gap.topic.as_deref().map(Arc::from),
            epoch: gap.epoch,
            first_seq: gap.first_seq,
            last_seq: gap.last_seq,
            count: gap.count,
            reason: GapCause::Broker(gap.reason),
        };
        match (header.subscription, &gap.topic) {
            (Some(subscription), _) => {
                self.addressed((header.lane, subscription), Event::Gap(told), arrival);
            }
            (None, Some(topic)) => self.topic_gap(header.lane, topic, told, arrival),
            (None, None) => self.lane_gap(header.lane, &told, arrival),
        }
    }

    fn lane_gap(&mut self, number: u8, told: &Gap, arrival: &mut Arrival<'_>) {
        self.lane_gap_of_calls(number, told, arrival);
        if number == DIRECT_LANE {
            let receivers = arrival.hub.direct();
            self.direct(&receivers, &Event::Gap(told.clone()), arrival);
        }
        let Some(lane) = self.lanes.get_mut(&number) else { return };
        lane.topics.forget_positions();
        let sharers = lane.sharers_beside(number, arrival.hub);
        let Self { begun, moving, woken, .. } = self;
        let is_there =
            |route: &&Route| route.lane == number || moving.leaves(route.subscription, number);
        let routes = begun.values().filter(is_there).filter(|route| !route.grouped);
        let targets: Vec<(WishId, &Arc<Inbox>)> = routes
            .filter_map(|route| match &route.target {
                Target::Inbox(inbox) => Some((route.wish, inbox)),
                Target::Provider(_) => None,
            })
            .collect();
        for (place, (wish, inbox)) in targets.iter().enumerate() {
            let share = Share { of: targets.len() - place, sharers };
            push(*wish, (inbox, number), Event::Gap(told.clone()), share, arrival, woken);
        }
    }

    fn topic_gap(&mut self, number: u8, name: &str, told: Gap, arrival: &mut Arrival<'_>) {
        if self.is_direct(name) {
            let receivers = arrival.hub.direct();
            return self.direct(&receivers, &Event::Gap(told), arrival);
        }
        if name.starts_with(DIRECT_PREFIX) {
            return self.call_gap(number, name, told, arrival);
        }
        let connection = self.connection;
        let Some(lane) = self.lanes.get_mut(&number) else { return };
        lane.tick += 1;
        let at = Moment { connection, tick: lane.tick };
        let sharers = lane.sharers_beside(number, arrival.hub);
        let topic = lane.topic(name, &self.begun);
        let late = Word::of_gap(&told).map(|word| topic.hear(word, at));
        tell_missed(late.unwrap_or_default(), arrival.hub, &mut self.woken);
        push_to_all(topic.targets(), Event::Gap(told), sharers, arrival, &mut self.woken);
    }
}
