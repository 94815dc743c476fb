//! Subscriptions begin and end: each is a point in the one order.

use super::{Inboxes, Sequencer};
use crate::command::Purpose;
use crate::{Item, Now, Publication, Standing};

impl Sequencer {
    pub(super) fn subscribe(&mut self, standing: &Standing, out: &mut impl Inboxes) {
        match &standing.purpose {
            Purpose::Messages { .. } => {
                self.interest.begin(&standing.filter, standing.session.shard);
            }
            Purpose::Group(group) => self.groups.join(group, standing),
            Purpose::Requests => self.providers.begin(standing),
        }
        let Standing { session, subscription, .. } = *standing;
        let point = self.retained.point();
        out.put(session.shard, Item::Begun { session, subscription, point });
        if standing.purpose != Purpose::Requests {
            self.attendance.join(standing, out);
        }
    }

    pub(super) fn unsubscribe(
        &mut self,
        standing: &Standing,
        id: Option<u64>,
        out: &mut impl Inboxes,
    ) {
        match &standing.purpose {
            Purpose::Messages { .. } => {
                self.interest.end(&standing.filter, standing.session.shard);
            }
            Purpose::Group(group) => self.groups.leave(group, standing),
            Purpose::Requests => self.providers.end(standing),
        }
        if standing.purpose != Purpose::Requests {
            self.attendance.leave(standing, out);
        }
        let Standing { session, subscription, .. } = *standing;
        let in_a_group = matches!(standing.purpose, Purpose::Group(_));
        if id.is_some() || in_a_group {
            out.put(session.shard, Item::Ended { session, subscription, id });
        }
    }

    pub(super) fn hand_back(
        &mut self,
        now: Now,
        standing: &Standing,
        message: Publication,
        out: &mut impl Inboxes,
    ) {
        let Purpose::Group(group) = &standing.purpose else { return };
        if let Some(member) = self.groups.choose_in(group, &standing.filter) {
            let shard = member.session.shard;
            let (topic, topic_id) = (&message.topic, message.topic_id);
            let is_known = self.topics.sent_again(topic, topic_id, shard, now.monotonic);
            let addressed = vec![member];
            let item = Item::Message { publication: message, to_all: false, addressed };
            out.put(shard, item);
            if !is_known {
                // It made room for another: what the shard notes of it now it wouldn't be told of again.
                out.put(shard, Item::Forgotten { topic_id });
            }
        }
    }
}
