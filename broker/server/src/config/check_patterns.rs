//! Checks patterns against themselves and each other.

use broker_core::KeepRule;

use super::check::Checker;
use super::kind::Choice;
use super::schema::PATTERN;
use super::sections::{Keep, Pattern};

impl Checker<'_> {
    pub(super) fn patterns(&mut self) {
        let patterns = &self.config.patterns;
        for (place, pattern) in patterns.iter().enumerate() {
            let earlier = &patterns[..place];
            if let Some(other) = earlier.iter().position(|other| other.filter == pattern.filter) {
                let key = format!("{PATTERN}[{place}].filter");
                let allowed = format!("another than that of `{PATTERN}[{other}]`");
                self.refuse(&[&key], format!("{:?}", pattern.filter), &allowed);
            }
            self.forbidden_defaults(place, pattern);
            self.defaults_above_caps(place, pattern);
            self.interval_below_floor(place, pattern);
            self.more_topics_than_names(place, pattern);
        }
    }

    /// A default that the pattern itself forbids.
    fn forbidden_defaults(&mut self, place: usize, pattern: &Pattern) {
        let rule = |keep: Keep| match keep {
            Keep::All => (KeepRule::All, "all"),
            Keep::Latest(_) => (KeepRule::Latest, "latest"),
            Keep::Merge => (KeepRule::Merge, "merge"),
        };
        if let Some((rule, name)) = pattern.keep.map(rule)
            && pattern.forbid_keep.contains(&rule)
        {
            self.refuse_default(place, "keep", name);
        }
        if let Some(overflow) = pattern.overflow
            && pattern.forbid_overflow.contains(&overflow)
        {
            self.refuse_default(place, "overflow", overflow.name());
        }
    }

    fn refuse_default(&mut self, place: usize, option: &str, name: &str) {
        let default = format!("{PATTERN}[{place}].{option}");
        let forbids = format!("{PATTERN}[{place}].forbid_{option}");
        let allowed = format!("one that `{forbids}` doesn't have");
        self.refuse(&[&default, &forbids], format!("{name:?}"), &allowed);
    }

    /// A bound for the topics of a filter that is a topic itself: there is one.
    fn more_topics_than_names(&mut self, place: usize, pattern: &Pattern) {
        let is_topic = broker_delivery::check_topic(&pattern.filter).is_ok();
        if let Some(most) = pattern.topics_max.filter(|most| is_topic && *most > 1) {
            let key = format!("{PATTERN}[{place}].topics_max");
            let allowed = format!("1, or none: {:?} matches one topic alone", pattern.filter);
            self.refuse(&[&key], most.to_string(), &allowed);
        }
    }

    fn interval_below_floor(&mut self, place: usize, pattern: &Pattern) {
        if let (Some(default), Some(least)) = (pattern.min_interval, pattern.min_interval_min)
            && default < least
        {
            let key = format!("{PATTERN}[{place}].min_interval");
            let show = |time| format!("{:?}", humantime::format_duration(time).to_string());
            let allowed = format!("at least `{key}_min`, which is {}", show(least));
            self.refuse(&[&key, &format!("{key}_min")], show(default), &allowed);
        }
    }

    /// A default that the pattern itself doesn't grant.
    fn defaults_above_caps(&mut self, place: usize, pattern: &Pattern) {
        for (option, default, most) in [
            ("bound_messages", pattern.bound_messages, pattern.bound_messages_max),
            ("bound_bytes", pattern.bound_bytes, pattern.bound_bytes_max),
            ("priority", pattern.priority, pattern.priority_max),
        ] {
            if let (Some(default), Some(most)) = (default, most)
                && default > most
            {
                let key = format!("{PATTERN}[{place}].{option}");
                let allowed = format!("at most `{key}_max`, which is {most}");
                self.refuse(&[&key, &format!("{key}_max")], default.to_string(), &allowed);
            }
        }
    }
}
