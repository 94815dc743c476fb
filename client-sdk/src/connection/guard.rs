//! The order of an unreliable lane: no older value of a key after a newer one.

use std::collections::HashMap;

use broker_protocol::frame::Message;

/// What stands between topic and key: no topic has it.
const SEPARATOR: char = '\0';

/// How far each key of an unreliable lane came. Datagrams may overtake each other, and the stream
/// beside them.
///
/// # Bounds
/// At least the `keys_max` keys that were heard last are known, and at most twice as many. A message
/// of one that was forgotten is taken, as of a new key: to be older than one that was delivered it
/// would have to be overtaken by messages of that many other keys.
#[derive(Debug)]
pub(super) struct Guard {
    keys_max: usize,
    /// Those that were heard since the older ones were set aside.
    heard: HashMap<Box<str>, Position>,
    older: HashMap<Box<str>, Position>,
    /// Scratch for looking up.
    name: String,
}

/// Epoch and `seq`.
type Position = (u64, u64);

impl Guard {
    pub(super) fn new(keys_max: usize) -> Self {
        let (heard, older) = (HashMap::new(), HashMap::new());
        Self { keys_max: keys_max.max(1), heard, older, name: String::new() }
    }

    /// Whether a message is newer than the last one of its key. It is the last one from then on.
    pub(super) fn admits(&mut self, message: &Message<'_>) -> bool {
        self.name.clear();
        self.name.push_str(&message.topic);
        if let Some(key) = &message.body.key {
            self.name.push(SEPARATOR);
            self.name.push_str(key);
        }
        let position = (message.epoch, message.seq);
        if let Some(last) = self.heard.get_mut(&*self.name) {
            let newer = position > *last;
            *last = position.max(*last);
            return newer;
        }
        let last = self.older.get(&*self.name).copied();
        let newer = last.is_none_or(|last| position > last);
        if self.heard.len() >= self.keys_max {
            self.older = std::mem::take(&mut self.heard);
        }
        let newest = last.map_or(position, |last| last.max(position));
        self.heard.insert(self.name.as_str().into(), newest);
        newer
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use broker_protocol::frame::Body;

    use super::*;

    fn message(key: Option<&str>, (epoch, seq): Position) -> Message<'_> {
        let key = key.map(Cow::Borrowed);
        let body = Body { key, ..Body::default() };
        Message { seq, epoch, topic: Cow::Borrowed("t"), body, ..Message::default() }
    }

    #[test]
    fn what_is_older_than_the_last_of_its_key_or_came_already_is_not_admitted() {
        let mut guard = Guard::new(10);
        let mut admits = |key, position| guard.admits(&message(key, position));
        assert!(admits(Some("a"), (1, 5)));
        assert!(!admits(Some("a"), (1, 4)));
        assert!(!admits(Some("a"), (1, 5)));
        assert!(admits(Some("b"), (1, 3)), "another key");
        assert!(admits(None, (1, 2)), "the topic itself is a key of its own");
        assert!(admits(Some("a"), (2, 1)), "a later epoch");
        assert!(!admits(Some("a"), (1, 9)));
        assert!(admits(Some("a"), (2, 2)));
    }

    #[test]
    fn as_many_keys_as_stated_are_known_and_memory_is_bounded() {
        let mut guard = Guard::new(3);
        let names: Vec<_> = (0..100).map(|number| number.to_string()).collect();
        for (place, name) in names.iter().enumerate() {
            assert!(guard.admits(&message(Some(name), (1, 10))));
            for known in &names[place.saturating_sub(2)..=place] {
                assert!(!guard.admits(&message(Some(known), (1, 9))), "{known}");
            }
            assert!(guard.heard.len() + guard.older.len() <= 6);
        }
        assert!(guard.admits(&message(Some("0"), (1, 9))), "forgotten long ago");
    }
}
