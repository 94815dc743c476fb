//! The kinds of values: how each is written, shown, and bounded.

mod choice;
mod keep;
mod mode;
mod optional;
mod quantity;
mod text;

pub(super) use choice::{Choice, choice, choices, switch};
pub(super) use keep::keep;
pub(super) use mode::mode;
pub(super) use optional::optional;
pub(super) use quantity::{GIB, KIB, MIB, bytes, count, time};
pub(super) use text::{file, filter, log_filter, path, text, texts};

use super::written::Written;

/// How a value is written, and which values are allowed.
pub(super) trait Kind {
    /// The type in [`Config`](super::Config).
    type Value;

    /// The value that was written, if it can be one at all.
    fn read(&self, written: &Written) -> Option<Self::Value>;

    /// Whether the value is allowed.
    fn accepts(&self, value: &Self::Value) -> bool;

    /// The value as TOML.
    fn show(&self, value: &Self::Value) -> String;

    /// The allowed values, for people: continues "must be …".
    fn allowed(&self) -> String;

    /// How the value is written, where that isn't plain: continues [`allowed`](Self::allowed).
    fn form(&self) -> &'static str {
        ""
    }
}

/// The text as a TOML string.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}
