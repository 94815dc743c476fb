//! Strings, paths and lists of strings. An empty string unsets what is optional.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use broker_delivery::check_filter;
use tracing_subscriber::EnvFilter;

use super::{Kind, quoted};
use crate::config::written::Written;

/// The longest path, in bytes.
const PATH_BYTES_MAX: usize = 4096;

/// A string without control characters, its length in bytes bounded.
pub(in crate::config) struct Text(RangeInclusive<usize>);

/// A string of so many bytes, without control characters.
pub(in crate::config) fn text(bytes: RangeInclusive<usize>) -> Text {
    Text(bytes)
}

impl Kind for Text {
    type Value = String;

    fn read(&self, written: &Written) -> Option<String> {
        written.text().map(str::to_owned)
    }

    fn accepts(&self, value: &String) -> bool {
        self.0.contains(&value.len()) && !value.chars().any(char::is_control)
    }

    fn show(&self, value: &String) -> String {
        quoted(value)
    }

    fn allowed(&self) -> String {
        format!(
            "a string of {} to {} bytes without control characters",
            self.0.start(),
            self.0.end()
        )
    }
}

/// A path in the file system.
pub(in crate::config) struct Path;

/// A path in the file system.
pub(in crate::config) fn path() -> Path {
    Path
}

impl Kind for Path {
    type Value = PathBuf;

    fn read(&self, written: &Written) -> Option<PathBuf> {
        written.text().map(PathBuf::from)
    }

    fn accepts(&self, value: &PathBuf) -> bool {
        (1..=PATH_BYTES_MAX).contains(&value.as_os_str().len())
    }

    fn show(&self, value: &PathBuf) -> String {
        quoted(&value.to_string_lossy())
    }

    fn allowed(&self) -> String {
        "a path, relative to the working directory or absolute".to_owned()
    }
}

/// The path of a file, or none.
pub(in crate::config) struct File;

/// The path of a file, or none.
pub(in crate::config) fn file() -> File {
    File
}

impl Kind for File {
    type Value = Option<PathBuf>;

    fn read(&self, written: &Written) -> Option<Option<PathBuf>> {
        written.text().map(|text| Some(PathBuf::from(text)).filter(|_| !text.is_empty()))
    }

    fn accepts(&self, value: &Option<PathBuf>) -> bool {
        value.as_ref().is_none_or(|value| Path.accepts(value))
    }

    fn show(&self, value: &Option<PathBuf>) -> String {
        value.as_ref().map_or_else(|| quoted(""), |value| Path.show(value))
    }

    fn allowed(&self) -> String {
        "the path of a file, or \"\" for none".to_owned()
    }
}

/// A list of strings.
pub(in crate::config) struct Texts {
    count_max: usize,
    allowed: &'static str,
}

/// A list of at most so many strings; `allowed` says what they are.
pub(in crate::config) fn texts(count_max: usize, allowed: &'static str) -> Texts {
    Texts { count_max, allowed }
}

impl Kind for Texts {
    type Value = Vec<String>;

    fn read(&self, written: &Written) -> Option<Vec<String>> {
        written.texts()
    }

    fn accepts(&self, value: &Vec<String>) -> bool {
        value.len() <= self.count_max && value.iter().all(|item| text(1..=255).accepts(item))
    }

    fn show(&self, value: &Vec<String>) -> String {
        let items: Vec<_> = value.iter().map(|item| quoted(item)).collect();
        format!("[{}]", items.join(", "))
    }

    fn allowed(&self) -> String {
        format!("a list of at most {} strings: {}", self.count_max, self.allowed)
    }
}

/// A filter of topics.
pub(in crate::config) struct Filter;

/// A filter of topics.
pub(in crate::config) fn filter() -> Filter {
    Filter
}

impl Kind for Filter {
    type Value = String;

    fn read(&self, written: &Written) -> Option<String> {
        written.text().map(str::to_owned)
    }

    fn accepts(&self, value: &String) -> bool {
        check_filter(value).is_ok()
    }

    fn show(&self, value: &String) -> String {
        quoted(value)
    }

    fn allowed(&self) -> String {
        "a filter of topics such as \"market.>\" or \"*.status\"".to_owned()
    }
}

/// What is logged, in the syntax of tracing's filters.
pub(in crate::config) struct LogFilter;

/// What is logged, in the syntax of tracing's filters.
pub(in crate::config) fn log_filter() -> LogFilter {
    LogFilter
}

impl Kind for LogFilter {
    type Value = String;

    fn read(&self, written: &Written) -> Option<String> {
        written.text().map(str::to_owned)
    }

    fn accepts(&self, value: &String) -> bool {
        text(1..=1024).accepts(value) && EnvFilter::try_new(value).is_ok()
    }

    fn show(&self, value: &String) -> String {
        quoted(value)
    }

    fn allowed(&self) -> String {
        "\"off\", \"error\", \"warn\", \"info\", \"debug\" or \"trace\", or directives such as \
         \"warn,broker=debug\""
            .to_owned()
    }
}
