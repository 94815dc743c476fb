//! Looks at topics for those who ask about them: page by page, so that no batch waits for all, and for
//! one question at a time, so that however many ask no more than a page is looked at in a batch.
//!
//! The one who asks comes again for each page. Topics that are made meanwhile aren't looked at, so that it
//! comes to an end however many are made. When all were looked at, what was counted where is added in
//! the shards, for those topics alone that are told: each shard is told some of them and says what it
//! knows. Where the number of deliveries decides which are told, shards say that number with each page.

use std::sync::Arc;

use super::{Inboxes, Sequencer, inspections};
use crate::inspection::{Counting, TopicRow, TopicSort, TopicsPage, WantedTopics};
use crate::{Inspection, Item, Now, TopicId};

/// How many topics are looked at for a page.
const LOOKS: usize = 256;

impl Sequencer {
    /// Begins to look at topics, unless that is being done for somebody.
    pub(super) fn begin_with_topics(
        &mut self,
        now: Now,
        inspection: &Arc<Inspection>,
        out: &mut impl Inboxes,
    ) {
        if self.inspections.topics_before.is_some() {
            let message = "topics are looked at for one client at a time; ask again in a second";
            return inspections::busy(inspection, message, out);
        }
        self.inspections.topics_before = Some(self.topics.next_id());
        self.look_at_topics(now, inspection, None, out);
    }

    /// Goes on with a question about topics.
    pub(super) fn go_on_with_topics(
        &mut self,
        now: Now,
        inspection: &Arc<Inspection>,
        wanted: &WantedTopics,
        out: &mut impl Inboxes,
    ) {
        match wanted {
            WantedTopics::After(after) => self.look_at_topics(now, inspection, Some(*after), out),
            WantedTopics::Counts(rows) => self.have_counted(now, inspection, rows.clone(), out),
            WantedTopics::Nothing => self.inspections.topics_before = None,
        }
    }

    /// Looks at some topics behind one.
    fn look_at_topics(
        &self,
        now: Now,
        inspection: &Arc<Inspection>,
        after: Option<TopicId>,
        out: &mut impl Inboxes,
    ) {
        let question = &inspection.question;
        let counted_elsewhere = question.topic_sort == TopicSort::Deliveries;
        let (mut rows, mut last, mut seen): (Vec<TopicRow>, _, _) = (Vec::new(), None, 0);
        let before = self.inspections.topics_before;
        let topics = self.topics.made_after(after);
        let topics = topics.take_while(|topic| before.is_some_and(|before| topic.id() < before));
        for topic in topics.take(LOOKS) {
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
        let next = last.filter(|_| seen == LOOKS);
        let page = TopicsPage { matching, next, ..self.page(now, rows, Counting::Deliveries) };
        if counted_elsewhere && !page.rows.is_empty() {
            return self.hand_to_shards(inspection, page, out);
        }
        let (shard, inspection, counts) = (inspection.asker.shard, inspection.clone(), Vec::new());
        let page = Arc::new(TopicsPage { shards: 1, ..page });
        out.put(shard, Item::TopicsCounted { inspection, page, counts });
    }

    /// Has the shards count all that they know of topics that are told.
    fn have_counted(
        &self,
        now: Now,
        inspection: &Arc<Inspection>,
        mut rows: Vec<TopicRow>,
        out: &mut impl Inboxes,
    ) {
        for row in &mut rows {
            row.groups = self.groups.wanting(&row.name).len() as u64;
        }
        self.hand_to_shards(inspection, self.page(now, rows, Counting::Everything), out);
    }

    fn page(&self, now: Now, rows: Vec<TopicRow>, counting: Counting) -> TopicsPage {
        let shards = self.inspections.shards().iter().count() as u32;
        let (topics, time) = (self.topics.len() as u64, now.wall);
        TopicsPage { rows, matching: 0, topics, time, shards, counting, next: None }
    }

    fn hand_to_shards(
        &self,
        inspection: &Arc<Inspection>,
        page: TopicsPage,
        out: &mut impl Inboxes,
    ) {
        let page = Arc::new(page);
        for shard in self.inspections.shards().iter() {
            out.put(shard, Item::Topics { inspection: inspection.clone(), page: page.clone() });
        }
    }
}
