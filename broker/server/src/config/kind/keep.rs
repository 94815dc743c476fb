//! What survives while a subscriber is behind.

use super::Kind;
use crate::config::sections::Keep;
use crate::config::written::Written;

/// "all", "latest", "merge", or how many newest.
pub(in crate::config) struct Kept;

/// "all", "latest", "merge", or how many newest.
pub(in crate::config) fn keep() -> Kept {
    Kept
}

impl Kind for Kept {
    type Value = Keep;

    fn read(&self, written: &Written) -> Option<Keep> {
        if let Some(count) = written.integer() {
            return count.try_into().ok().map(Keep::Latest);
        }
        match written.text()?.trim() {
            "all" => Some(Keep::All),
            "latest" => Some(Keep::Latest(1)),
            "merge" => Some(Keep::Merge),
            _ => None,
        }
    }

    fn accepts(&self, value: &Keep) -> bool {
        *value != Keep::Latest(0)
    }

    fn show(&self, value: &Keep) -> String {
        match value {
            Keep::All => super::quoted("all"),
            Keep::Merge => super::quoted("merge"),
            Keep::Latest(1) => super::quoted("latest"),
            Keep::Latest(count) => count.to_string(),
        }
    }

    fn allowed(&self) -> String {
        "\"all\", \"latest\", \"merge\", or how many newest of each key".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_is_written_as_a_word_and_more_as_their_number() {
        for (written, value, shown) in [
            (Written::Text("all".to_owned()), Keep::All, "\"all\""),
            (Written::Text("merge".to_owned()), Keep::Merge, "\"merge\""),
            (Written::Text("latest".to_owned()), Keep::Latest(1), "\"latest\""),
            (Written::Integer(1), Keep::Latest(1), "\"latest\""),
            (Written::Loose("3".to_owned()), Keep::Latest(3), "3"),
        ] {
            assert_eq!(Kept.read(&written), Some(value));
            assert_eq!(Kept.show(&value), shown);
        }
        assert!(!Kept.accepts(&Keep::Latest(0)) && Kept.accepts(&Keep::Latest(1)));
        assert_eq!(Kept.read(&Written::Text("newest".to_owned())), None);
    }
}
