//! Looks at topics for those who ask about them: page by page, so that no batch waits for all.
//!
//! The one who asks comes again for each page. What was counted where is added in the shards: each is
//! told the topics of a page and says what it knows of them.

use std::sync::Arc;

use super::{Inboxes, Sequencer};
use crate::inspection::{TopicRow, TopicSort, TopicsPage};
use crate::{Inspection, Item, Now, TopicId};

/// How many topics are looked at for a page.
const LOOKS: usize = 1024;

/// How many where the shards have to be asked about each of them.
const LOOKS_WITH_SHARDS: usize = 256;

impl Sequencer {
    /// Looks at some topics behind one, and has the shards count what they know of those that matter.
    pub(super) fn look_at_topics(
        &self,
        now: Now,
        inspection: &Arc<Inspection>,
        after: Option<TopicId>,
        out: &mut impl Inboxes,
    ) {
        let page = Arc::new(self.page(now, inspection, after));
        if page.rows.is_empty() {
            let (shard, inspection, counts) =
                (inspection.asker.shard, inspection.clone(), Vec::new());
            return out.put(shard, Item::TopicsCounted { inspection, page, counts });
        }
        for shard in self.inspections.shards().iter() {
            out.put(shard, Item::Topics { inspection: inspection.clone(), page: page.clone() });
        }
    }

    fn page(&self, now: Now, inspection: &Inspection, after: Option<TopicId>) -> TopicsPage {
        let question = &inspection.question;
        let counted_elsewhere = question.topic_sort == TopicSort::Deliveries;
        let looks = if counted_elsewhere { LOOKS_WITH_SHARDS } else { LOOKS };
        let (mut rows, mut last, mut seen): (Vec<TopicRow>, _, _) = (Vec::new(), None, 0);
        for topic in self.topics.made_after(after).take(looks) {
            (last, seen) = (Some(topic.id()), seen + 1);
            if topic.name().starts_with(&*question.name) {
                rows.push(topic.row(now.monotonic));
            }
        }
        let matching = rows.len() as u64;
        if !counted_elsewhere {
            rows.sort_by_cached_key(|row| row.place(question.topic_sort, 0));
            rows.truncate(question.limit);
        }
        for row in &mut rows {
            row.groups = self.groups.wanting(&row.name).len() as u64;
        }
        let shards = if rows.is_empty() { 1 } else { self.inspections.shards().iter().count() };
        TopicsPage {
            rows,
            matching,
            topics: self.topics.len() as u64,
            time: now.wall,
            shards: shards as u32,
            next: last.filter(|_| seen == looks),
        }
    }
}
