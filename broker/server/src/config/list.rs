//! Sections that may occur several times.

use std::ops::RangeInclusive;

use super::Config;
use super::setting::{Section, Setting};

/// A section that may occur several times, whatever the type of its entries.
pub(super) struct List {
    /// How many entries there may be.
    pub(super) counts: RangeInclusive<usize>,
    /// Settings for which no default can stand.
    pub(super) required: &'static [&'static str],
    entries: Box<dyn Entries>,
}

/// The entries within the whole configuration.
trait Entries {
    fn count(&self, config: &Config) -> usize;
    fn set_count(&self, config: &mut Config, count: usize);
    fn at(&self, place: usize) -> Vec<Setting<Config>>;
}

struct Field<Part> {
    read: fn(&Config) -> &Vec<Part>,
    write: fn(&mut Config) -> &mut Vec<Part>,
}

impl List {
    pub(super) fn new<Part: Section + Clone>(
        read: fn(&Config) -> &Vec<Part>,
        write: fn(&mut Config) -> &mut Vec<Part>,
        counts: RangeInclusive<usize>,
        required: &'static [&'static str],
    ) -> Self {
        Self { counts, required, entries: Box::new(Field { read, write }) }
    }

    /// How many entries there are.
    pub(super) fn count(&self, config: &Config) -> usize {
        self.entries.count(config)
    }

    /// Replaces all entries by so many that are as by default.
    pub(super) fn begin_anew(&self, config: &mut Config, count: usize) {
        self.entries.set_count(config, 0);
        self.entries.set_count(config, count);
    }

    /// Adds an entry that is as by default.
    pub(super) fn add(&self, config: &mut Config) {
        self.entries.set_count(config, self.count(config) + 1);
    }

    /// The settings of the entry at this place, which must be there to be read or set.
    pub(super) fn at(&self, place: usize) -> Vec<Setting<Config>> {
        self.entries.at(place)
    }
}

impl<Part: Section + Clone> Entries for Field<Part> {
    fn count(&self, config: &Config) -> usize {
        (self.read)(config).len()
    }

    fn set_count(&self, config: &mut Config, count: usize) {
        (self.write)(config).resize(count, Part::default());
    }

    fn at(&self, place: usize) -> Vec<Setting<Config>> {
        let settings = Part::settings().into_iter();
        settings.map(|setting| setting.at(place, self.read, self.write)).collect()
    }
}
