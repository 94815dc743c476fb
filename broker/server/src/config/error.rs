//! What can be wrong with a configuration, in words that say what to change.

use std::fmt;
use std::path::PathBuf;

use thiserror::Error;

use super::origin::Origin;

/// Everything that is wrong with a configuration; at least one fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(Vec<ConfigError>);

impl ConfigErrors {
    /// Fails if there is any fault; the faults are told in the order of their places.
    pub(super) fn unless_empty(mut errors: Vec<ConfigError>) -> Result<(), Self> {
        errors.sort_by(|one, other| one.origin.cmp(&other.origin));
        if errors.is_empty() { Ok(()) } else { Err(Self(errors)) }
    }

    /// The faults, in the order of their places: files by line, then the environment, then flags.
    pub fn iter(&self) -> impl Iterator<Item = &ConfigError> {
        self.0.iter()
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for error in &self.0 {
            writeln!(f, "{error}")?;
        }
        match self.0.len() {
            1 => f.write_str("1 error in the configuration"),
            count => write!(f, "{count} errors in the configuration"),
        }
    }
}

impl std::error::Error for ConfigErrors {}

/// One fault and its place.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{origin}: {fault}")]
pub struct ConfigError {
    /// Where the offending value comes from.
    pub origin: Origin,
    /// What is wrong with it.
    #[source]
    pub fault: ConfigFault,
}

impl ConfigError {
    pub(super) fn new(origin: Origin, fault: ConfigFault) -> Self {
        Self { origin, fault }
    }
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConfigFault {
    /// The file can't be read.
    #[error("{} can't be read: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// The file isn't TOML.
    #[error("{reason}")]
    Syntax {
        /// What the parser says.
        reason: String,
    },
    /// No setting of this name.
    #[error("unknown setting `{key}`; {hint}")]
    Unknown {
        /// The full key.
        key: String,
        /// The nearest known one, or the known ones.
        hint: String,
    },
    /// A value that isn't allowed.
    #[error("`{key}` is {given}, but must be {allowed}")]
    NotAllowed {
        /// The full key.
        key: String,
        /// What was given.
        given: String,
        /// What is allowed.
        allowed: String,
    },
    /// A value that is needed and missing.
    #[error("`{key}` is missing; must be {allowed}")]
    Missing {
        /// The full key.
        key: String,
        /// What is allowed.
        allowed: String,
    },
    /// An index that leaves a hole in a list.
    #[error("`{key}` has index {index}, but must be from 0 to {index_max}")]
    Index {
        /// The full key.
        key: String,
        /// The index.
        index: usize,
        /// The greatest that would do.
        index_max: usize,
    },
}
