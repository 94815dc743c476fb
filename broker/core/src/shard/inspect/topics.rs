//! Questions about topics: a page of them comes after the other, and every shard says what it counted.

use std::sync::Arc;

use super::Shard;
use crate::{Command, Inspection, TopicCounts, TopicsPage};

impl Shard {
    /// Says what was counted here of topics that somebody asks about.
    pub(in crate::shard) fn count_topics(
        &mut self,
        inspection: Arc<Inspection>,
        page: Arc<TopicsPage>,
    ) {
        let Self { routes, matcher, sessions, .. } = self;
        let rows = page.rows.iter();
        let counts = rows.map(|row| routes.counts(row.id, &row.name, matcher, sessions)).collect();
        self.outgoing.push(Command::TopicsCounted { inspection, page, counts });
    }

    /// A shard has counted for somebody who asked here: asks for more once all have, or answers.
    pub(in crate::shard) fn topics_counted(
        &mut self,
        inspection: &Arc<Inspection>,
        page: &TopicsPage,
        counts: &[TopicCounts],
    ) {
        let Inspection { asker, id, token, question } = &**inspection;
        let answered = self.inspections.topics.entry(*token).or_default();
        if !answered.add(question, page, counts) {
            return;
        }
        let waits = self.waits_for(*asker, *id, *token);
        if let Some(after) = page.next.filter(|_| waits) {
            let inspection = inspection.clone();
            return self.outgoing.push(Command::MoreTopics { inspection, after });
        }
        let answered = self.inspections.topics.remove(token);
        if let Some(answered) = answered.filter(|_| waits) {
            let payload = answered.write(page, self.config.limits.payload_bytes_max);
            self.tell_asker((*asker, *id), payload);
        }
    }
}
