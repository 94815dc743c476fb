//! `[log]`: what the broker says about itself.

use crate::config::declare::section;
use crate::config::kind::{Choice, choice, log_filter};

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LogFormat {
    /// For people, with colours on a terminal.
    Human,
    /// One JSON object on each line.
    Json,
}

impl Choice for LogFormat {
    const CHOICES: &'static [(&'static str, Self)] =
        &[("human", Self::Human), ("json", Self::Json)];
}

section! {
    /// What the broker says about itself, on standard error.
    pub struct Log {
        /// "human" for terminals, "json" for programs that collect logs.
        format: LogFormat = LogFormat::Human, choice();
        /// What is logged: a level, or directives by module such as "warn,broker=debug".
        filter: String = "info".to_owned(), log_filter();
    }
}
