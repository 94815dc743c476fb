//! Questions about topics: a page of them comes after the other, and every shard says what it counted.

use std::sync::Arc;

use super::Shard;
use crate::inspection::{Counting, WantedTopics};
use crate::{Command, Inspection, TopicCounts, TopicsPage};

impl Shard {
    /// Says what was counted here of topics that somebody asks about.
    pub(in crate::shard) fn count_topics(
        &mut self,
        inspection: Arc<Inspection>,
        page: Arc<TopicsPage>,
    ) {
        let Self { routes, matcher, sessions, .. } = self;
        let counts = page.rows.iter().map(|row| match page.counting {
            Counting::Deliveries => routes.deliveries(row.id),
            Counting::Everything => routes.counts(row.id, &row.name, matcher, sessions),
        });
        let counts = counts.collect();
        self.outgoing.push(Command::TopicsCounted { inspection, page, counts });
    }

    /// A shard has counted for somebody who asked here: asks for more once all have, or answers.
    pub(in crate::shard) fn topics_counted(
        &mut self,
        inspection: Arc<Inspection>,
        page: &TopicsPage,
        counts: &[TopicCounts],
    ) {
        let Inspection { asker, id, token, question } = &*inspection;
        let answered = self.inspections.topics.entry(*token).or_default();
        if !answered.add(question, page, counts) {
            return;
        }
        let wanted = match page.next {
            Some(after) => WantedTopics::After(after),
            None => match answered.take_uncounted() {
                rows if rows.is_empty() => WantedTopics::Nothing,
                rows => WantedTopics::Counts(rows),
            },
        };
        let waits = self.waits_for(*asker, *id, *token);
        if wanted != WantedTopics::Nothing && waits {
            return self.outgoing.push(Command::Topics { inspection, wanted });
        }
        let answered = self.inspections.topics.remove(token);
        if let Some(answered) = answered.filter(|_| waits) {
            let payload = answered.write(page, self.config.limits.payload_bytes_max);
            self.tell_asker((*asker, *id), payload);
        }
        self.outgoing.push(Command::Topics { inspection, wanted: WantedTopics::Nothing });
    }
}
