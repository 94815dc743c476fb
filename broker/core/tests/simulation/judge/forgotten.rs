//! No topic is forgotten while a message of it waits: nobody gets the first of an epoch after somebody
//! got one of the next.

use std::collections::BTreeMap;

use broker_protocol::frame::BrokerFrame;

use super::data::number_in;
use super::truth::Place;
use super::{Arrival, Judge, Wrong};
use crate::plan::TOPICS;

/// Which epochs of a topic were seen when.
#[derive(Debug, Default)]
pub(super) struct Epochs {
    /// The first flush in which a message of each was written.
    begun: BTreeMap<u64, u64>,
    /// The last flush in which one was written that had waited until then, and to whom.
    waited: BTreeMap<u64, (u64, usize)>,
}

impl Judge {
    /// A message was written, whether anybody read it or not.
    pub(super) fn check_epochs(
        &mut self,
        client: usize,
        arrival: Arrival,
        (topic, place): (usize, Place),
        number: usize,
    ) -> Wrong {
        let flush = arrival.written.flush;
        let (epoch, _) = place;
        let epochs = self.epochs.entry(topic).or_default();
        let begun = epochs.begun.entry(epoch).or_insert(flush);
        *begun = flush.min(*begun);
        // What was written to the last link isn't what waited.
        let is_new = self.written.insert((client, number));
        let is_known = !self.taken_over.contains(&client)
            || self.truth.records[number].step > self.views[client].link_since;
        if is_new && is_known {
            let waited = epochs.waited.entry(epoch).or_insert((flush, client));
            *waited = (flush, client).max(*waited);
        }
        epochs.check().map_err(|what| format!("{} {what}", TOPICS[topic]))
    }
}

impl Judge {
    /// A frame was written to a link that broke, and nobody read it.
    pub(crate) fn was_written(&mut self, client: usize, frame: &BrokerFrame<'_>) {
        if let BrokerFrame::Message(message) = frame
            && let Ok(number) = number_in(&message.body)
        {
            self.written.insert((client, number));
        }
    }
}

impl Epochs {
    fn check(&self) -> Wrong {
        for (epoch, (flush, client)) in &self.waited {
            let later = self.begun.range(epoch + 1..).find(|(_, begun)| *begun < flush);
            if let Some((later, begun)) = later {
                return Err(format!(
                    "was forgotten while a message waited: client {client} got one of {epoch} in \
                     flush {flush}, and {later} had begun in {begun}"
                ));
            }
        }
        Ok(())
    }
}
