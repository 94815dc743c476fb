//! Numbers, sizes and durations, each with its least and its greatest value.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::Kind;
use crate::config::written::Written;

/// Bytes in a kibibyte.
pub(in crate::config) const KIB: usize = 1024;
/// Bytes in a mebibyte.
pub(in crate::config) const MIB: usize = 1024 * KIB;
/// Bytes in a gibibyte.
pub(in crate::config) const GIB: usize = 1024 * MIB;

const UNITS: [(&str, usize); 4] = [("GiB", GIB), ("MiB", MIB), ("KiB", KIB), ("B", 1)];

/// A number of things.
pub(in crate::config) struct Count(RangeInclusive<usize>);

/// A number of things within a range.
pub(in crate::config) fn count(range: RangeInclusive<usize>) -> Count {
    Count(range)
}

impl Kind for Count {
    type Value = usize;

    fn read(&self, written: &Written) -> Option<usize> {
        written.integer()?.try_into().ok()
    }

    fn accepts(&self, value: &usize) -> bool {
        self.0.contains(value)
    }

    fn show(&self, value: &usize) -> String {
        value.to_string()
    }

    fn allowed(&self) -> String {
        format!("an integer from {} to {}", self.0.start(), self.0.end())
    }
}

/// A size in bytes, written as an integer or with a unit (`"64KiB"`).
pub(in crate::config) struct Bytes(RangeInclusive<usize>);

/// A size within a range, in bytes.
pub(in crate::config) fn bytes(range: RangeInclusive<usize>) -> Bytes {
    Bytes(range)
}

impl Kind for Bytes {
    type Value = usize;

    fn read(&self, written: &Written) -> Option<usize> {
        match written.integer() {
            Some(number) => number.try_into().ok(),
            None => size(written.text()?),
        }
    }

    fn accepts(&self, value: &usize) -> bool {
        self.0.contains(value)
    }

    fn show(&self, value: &usize) -> String {
        match with_unit(*value) {
            (_, "B") => value.to_string(),
            (number, unit) => format!("\"{number}{unit}\""),
        }
    }

    fn allowed(&self) -> String {
        let ((least, of_least), (most, of_most)) =
            (with_unit(*self.0.start()), with_unit(*self.0.end()));
        format!("a size from {least}{of_least} to {most}{of_most}")
    }

    fn form(&self) -> &'static str {
        ", in bytes or with B, KiB, MiB or GiB"
    }
}

fn size(text: &str) -> Option<usize> {
    let text = text.trim();
    let (number, factor) = UNITS
        .iter()
        .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, *factor)))
        .unwrap_or((text, 1));
    number.trim().parse::<usize>().ok()?.checked_mul(factor)
}

fn with_unit(value: usize) -> (usize, &'static str) {
    let fits = |(_, factor): &&(&str, usize)| value != 0 && value.is_multiple_of(*factor);
    UNITS.iter().find(fits).map_or((value, "B"), |(unit, factor)| (value / factor, unit))
}

/// A duration, written with a unit (`"250ms"`, `"1m 30s"`).
pub(in crate::config) struct Time(RangeInclusive<Duration>);

/// A duration within a range, in milliseconds.
pub(in crate::config) fn time(milliseconds: RangeInclusive<u64>) -> Time {
    let (least, most) = milliseconds.into_inner();
    Time(Duration::from_millis(least)..=Duration::from_millis(most))
}

impl Kind for Time {
    type Value = Duration;

    fn read(&self, written: &Written) -> Option<Duration> {
        humantime::parse_duration(written.text()?.trim()).ok()
    }

    fn accepts(&self, value: &Duration) -> bool {
        self.0.contains(value)
    }

    fn show(&self, value: &Duration) -> String {
        super::quoted(&humantime::format_duration(*value).to_string())
    }

    fn allowed(&self) -> String {
        let show = |value: &Duration| humantime::format_duration(*value).to_string();
        format!("a duration from {} to {}", show(self.0.start()), show(self.0.end()))
    }

    fn form(&self) -> &'static str {
        ", with its unit, such as \"250ms\""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<usize> {
        bytes(1..=GIB).read(&Written::Text(text.to_owned()))
    }

    #[test]
    fn sizes_are_read_with_and_without_unit() {
        assert_eq!(read("64KiB"), Some(64 * KIB));
        assert_eq!(read(" 2 MiB "), Some(2 * MIB));
        assert_eq!(read("17B"), Some(17));
        assert_eq!(bytes(1..=GIB).read(&Written::Integer(17)), Some(17));
        assert_eq!(bytes(1..=GIB).read(&Written::Loose("17".to_owned())), Some(17));
    }

    #[test]
    fn sizes_that_are_none_are_refused() {
        for text in ["", "KiB", "1.5MiB", "64KB", "-1", "99999999999GiB"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_size_is_shown_in_the_largest_unit_that_divides_it() {
        let kind = bytes(0..=GIB);
        assert_eq!(kind.show(&(512 * KIB)), "\"512KiB\"");
        assert_eq!(kind.show(&(1025)), "1025");
        assert_eq!(kind.show(&0), "0");
    }

    #[test]
    fn bounds_are_inclusive() {
        let kind = count(2..=4);
        assert_eq!([1, 2, 4, 5].map(|value| kind.accepts(&value)), [false, true, true, false]);
        let kind = time(250..=500);
        let accepts = |milliseconds| kind.accepts(&Duration::from_millis(milliseconds));
        assert_eq!([249, 250, 500, 501].map(accepts), [false, true, true, false]);
    }

    #[test]
    fn a_duration_without_unit_is_refused() {
        let read = |text: &str| time(0..=9_000).read(&Written::Text(text.to_owned()));
        assert_eq!(read("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(read("250"), None);
        assert_eq!(time(0..=9_000).read(&Written::Integer(250)), None);
    }
}
