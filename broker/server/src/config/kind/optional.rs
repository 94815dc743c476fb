//! Values that needn't be there. An empty string unsets them.

use super::{Kind, quoted};
use crate::config::written::Written;

/// A value of a kind, or none.
pub(in crate::config) struct Optional<K>(K);

/// A value of a kind, or none.
pub(in crate::config) fn optional<K: Kind>(kind: K) -> Optional<K> {
    Optional(kind)
}

impl<K: Kind> Kind for Optional<K> {
    type Value = Option<K::Value>;

    fn read(&self, written: &Written) -> Option<Self::Value> {
        match written.text() {
            Some("") => Some(None),
            _ => self.0.read(written).map(Some),
        }
    }

    fn accepts(&self, value: &Self::Value) -> bool {
        value.as_ref().is_none_or(|value| self.0.accepts(value))
    }

    fn show(&self, value: &Self::Value) -> String {
        value.as_ref().map_or_else(|| quoted(""), |value| self.0.show(value))
    }

    fn allowed(&self) -> String {
        format!("{}, or \"\" for none", self.0.allowed())
    }

    fn form(&self) -> &'static str {
        self.0.form()
    }
}
