//! A value as somebody wrote it, before anybody knows what it should be.

use std::fmt;

use toml::de::{DeInteger, DeValue};

/// The longest part of a value that an error repeats, in characters.
const SHOWN_CHARACTERS_MAX: usize = 60;

/// A value from a file, which says its type, or from the environment or a flag, which don't.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Written {
    /// A TOML integer that fits.
    Integer(i128),
    /// A TOML boolean.
    Boolean(bool),
    /// A TOML string.
    Text(String),
    /// A TOML array of anything but tables.
    List(Vec<Self>),
    /// Text without a type: a number, a switch or a string, as the setting needs it.
    Loose(String),
    /// The head of a table; its settings are written after it.
    Table,
    /// The head of an array of so many tables.
    Tables(usize),
    /// What no setting takes: a float, a date, an integer beyond all bounds.
    Other(String),
}

impl Written {
    pub(super) fn integer(&self) -> Option<i128> {
        match self {
            Self::Integer(number) => Some(*number),
            Self::Loose(text) => text.trim().replace('_', "").parse().ok(),
            _ => None,
        }
    }

    pub(super) fn boolean(&self) -> Option<bool> {
        match self {
            Self::Boolean(switch) => Some(*switch),
            Self::Loose(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Loose(text) => Some(text),
            _ => None,
        }
    }

    /// A list of strings; without a type, they are separated by commas.
    pub(super) fn texts(&self) -> Option<Vec<String>> {
        match self {
            Self::List(items) => items.iter().map(|item| item.text().map(str::to_owned)).collect(),
            Self::Loose(text) => {
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                Some(items.map(str::to_owned).collect())
            }
            _ => None,
        }
    }
}

impl From<&DeValue<'_>> for Written {
    fn from(value: &DeValue<'_>) -> Self {
        match value {
            DeValue::String(text) => Self::Text(text.to_string()),
            DeValue::Integer(number) => integer(number),
            DeValue::Boolean(switch) => Self::Boolean(*switch),
            DeValue::Array(items) => {
                Self::List(items.iter().map(|item| Self::from(item.get_ref())).collect())
            }
            DeValue::Table(_) => Self::Table,
            DeValue::Float(number) => Self::Other(number.to_string()),
            DeValue::Datetime(time) => Self::Other(time.to_string()),
        }
    }
}

fn integer(number: &DeInteger<'_>) -> Written {
    i128::from_str_radix(number.as_str(), number.radix())
        .map_or_else(|_| Written::Other(number.to_string()), Written::Integer)
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(number) => number.fmt(f),
            Self::Boolean(switch) => switch.fmt(f),
            Self::Text(text) | Self::Loose(text) => shortened(text, f),
            Self::Other(text) => text.fmt(f),
            Self::Table => f.write_str("a table"),
            Self::Tables(count) => write!(f, "an array of {count} tables"),
            Self::List(items) => {
                f.write_str("[")?;
                for (position, item) in items.iter().enumerate() {
                    if position > 0 {
                        f.write_str(", ")?;
                    }
                    item.fmt(f)?;
                }
                f.write_str("]")
            }
        }
    }
}

fn shortened(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match text.char_indices().nth(SHOWN_CHARACTERS_MAX) {
        None => write!(f, "{text:?}"),
        Some((end, _)) => write!(f, "{:?} and more", &text[..end]),
    }
}
