//! Of which patterns a topic counts, and how many topics each of them allows.

use broker_delivery::filter_matches;

use super::Policies;

impl Policies {
    /// The filters of all patterns, in order.
    pub(crate) fn filters(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|pattern| &*pattern.filter)
    }

    /// The places of the patterns that match a topic.
    pub(crate) fn places(&self, topic: &str) -> Box<[u8]> {
        let places = self.0.iter().zip(0u8..=u8::MAX);
        let matching = places.filter(|(pattern, _)| filter_matches(&pattern.filter, topic));
        matching.map(|(_, place)| place).collect()
    }

    /// The most topics that the pattern in this place allows, and its filter.
    pub(crate) fn topics_max(&self, place: u8) -> Option<(usize, &str)> {
        let pattern = self.0.get(usize::from(place))?;
        Some((pattern.topics_max?, &pattern.filter))
    }
}
