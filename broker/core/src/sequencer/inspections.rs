//! Questions about sessions, on their way to all shards and back.

use std::sync::Arc;

use broker_protocol::ErrorCode;

use super::answers::answer_to;
use super::interest::ShardSet;
use super::{Inboxes, Sequencer};
use crate::inspection::{Admission, Subject};
use crate::{Answer, Inspection, Item, Now, Overview, Part, ShardId, TopicId};

/// Who is asked about sessions, and how often.
#[derive(Debug, Default)]
pub(super) struct Inspections {
    /// The shards that ever had a session.
    shards: ShardSet,
    admission: Admission,
    /// While topics are looked at for somebody: the first that isn't, since it is made meanwhile.
    pub(super) topics_before: Option<TopicId>,
}

impl Inspections {
    pub(super) fn seen(&mut self, shard: ShardId) {
        self.shards.add(shard);
    }

    /// The shards that ever had a session.
    pub(super) fn shards(&self) -> ShardSet {
        self.shards
    }
}

impl Sequencer {
    /// Has every shard look at its sessions, unless that was asked for too often.
    pub(super) fn inspect(
        &mut self,
        now: Now,
        inspection: &Arc<Inspection>,
        out: &mut impl Inboxes,
    ) {
        if !self.inspections.admission.admits(now.monotonic) {
            let message =
                "too many ask about sessions and topics at the moment; ask again in a second";
            return busy(inspection, message, out);
        }
        if inspection.question.subject == Subject::Topics {
            return self.begin_with_topics(now, inspection, out);
        }
        let shards = self.inspections.shards;
        let overview = Overview {
            shards: shards.iter().count() as u32,
            sequencer: self.statistics(),
            topics: self.topics.len() as u64,
            patterns: self.patterns.sums(&self.topics),
        };
        for shard in shards.iter() {
            out.put(
                shard,
                Item::Inspect { inspection: inspection.clone(), overview: overview.clone() },
            );
        }
    }
}

/// Tells who asked that this must be another time.
pub(super) fn busy(inspection: &Inspection, message: &str, out: &mut impl Inboxes) {
    let (code, message) = (ErrorCode::Busy, message.to_owned());
    let answer = Answer::RequestFailed { id: inspection.id, code, message };
    answer_to(inspection.asker, answer, out);
}

/// Hands what a shard has to say to the one in which it was asked.
pub(super) fn tell(
    inspection: &Arc<Inspection>,
    overview: Overview,
    part: &Arc<Part>,
    out: &mut impl Inboxes,
) {
    let (shard, inspection, part) = (inspection.asker.shard, inspection.clone(), part.clone());
    out.put(shard, Item::Inspected { inspection, overview, part });
}
