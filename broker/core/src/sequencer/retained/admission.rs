//! Whether there is room for what is to be retained, and what becomes of it.

use broker_protocol::ErrorCode;

use super::documents::Document;
use super::{About, Retained, RetainedConfig, Topic, VALUE_BYTES};
use crate::command::Retain;
use crate::policy::Retention;

/// Why a value isn't retained.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::sequencer) enum NotRetained {
    #[error("pattern {pattern:?} forbids to retain anything of this topic")]
    Forbidden { pattern: String },
    #[error("the broker retains nothing; publish without `retain`, or raise retained.keys_max")]
    Nothing,
    #[error(
        "{most} keys of this topic are retained, and may be no more; clear some with an empty \
         payload, or raise retained.keys_max"
    )]
    Keys { most: usize },
    #[error(
        "{most} keys of this topic are retained, and may be no more; clear some with an empty \
         payload, or raise keys_max of pattern {pattern:?}"
    )]
    KeysOfPattern { most: usize, pattern: String },
    #[error(
        "{most} values are retained, and may be no more; clear some, or raise retained.values_max"
    )]
    Values { most: usize },
    #[error(
        "what is retained would take {bytes} bytes, and may take {most}; clear some, or raise \
         retained.bytes_max"
    )]
    Bytes { bytes: usize, most: usize },
    #[error("the document would have {bytes} bytes; at most {most} are allowed")]
    Document { bytes: usize, most: usize },
}

impl NotRetained {
    /// Whether it would be if there was less.
    pub(in crate::sequencer) fn is_for_want_of_room(&self) -> bool {
        use NotRetained as Why;
        matches!(
            self,
            Why::Keys { .. } | Why::KeysOfPattern { .. } | Why::Values { .. } | Why::Bytes { .. }
        )
    }

    /// The code with which the publish is refused.
    pub(in crate::sequencer) fn code(&self) -> ErrorCode {
        match self {
            Self::Forbidden { .. } => ErrorCode::NotAllowed,
            Self::Document { .. } => ErrorCode::PayloadTooLarge,
            _ => ErrorCode::TooManyKeys,
        }
    }
}

/// What becomes of what is retained by a message that there is room for.
#[derive(Debug)]
pub(in crate::sequencer) enum Admitted {
    /// Nothing.
    Nothing,
    /// The value is forgotten.
    Clear,
    /// The message is the value.
    Value,
    /// The message is put beside the document.
    Patch,
    /// This is the document then.
    Document(Document),
}

impl Retained {
    /// What becomes of what is retained by a message, if there is room for it.
    pub(in crate::sequencer) fn admit(
        &mut self,
        topic: &Topic,
        retain: Retain,
        parts: &[u8],
    ) -> Result<Admitted, NotRetained> {
        match (retain, topic.retains.how) {
            (Retain::No, _) => Ok(Admitted::Nothing),
            (Retain::Clear, _) => Ok(Admitted::Clear),
            (Retain::Keep, Retention::Nothing) => {
                let pattern = self.policies.keeps_nothing(topic.name()).unwrap_or_default();
                Err(NotRetained::Forbidden { pattern: pattern.to_owned() })
            }
            (Retain::Keep, Retention::Last) => {
                let found = self.find(About::of(topic.id(), topic.name(), parts));
                self.check(topic, found, parts.len()).map(|()| Admitted::Value)
            }
            (Retain::Keep, Retention::Merged) => self.admit_patch(topic, parts),
        }
    }

    fn admit_patch(&mut self, topic: &Topic, parts: &[u8]) -> Result<Admitted, NotRetained> {
        let found = self.find(About::of(topic.id(), topic.name(), parts));
        let document = match found.map(|value| &self.values[value]) {
            None => {
                // It is no larger than the patch.
                self.check(topic, found, parts.len())?;
                self.documents.first(parts)
            }
            Some(kept) => {
                if let Some(beside) = self.documents.beside(kept, parts)
                    && self.check(topic, found, kept.publication.parts.len() + beside).is_ok()
                {
                    return Ok(Admitted::Patch);
                }
                self.documents.next(kept, Some(parts))
            }
        };
        self.folded += u64::from(found.is_some());
        let (bytes, most) = (document.payload_bytes, self.documents.payload_bytes_max);
        if bytes > most {
            return Err(NotRetained::Document { bytes, most });
        }
        self.check(topic, found, document.parts.len()).map(|()| Admitted::Document(document))
    }

    /// Whether a value of so many bytes can be kept, of a key that has that one now.
    fn check(&self, topic: &Topic, found: Option<usize>, bytes: usize) -> Result<(), NotRetained> {
        let RetainedConfig { keys_max, values_max, bytes_max } = self.config;
        let is_new = found.is_none();
        if keys_max == 0 {
            return Err(NotRetained::Nothing);
        }
        if is_new && topic.retained as usize >= keys_max.min(topic.retains.keys_max) {
            return Err(self.too_many_keys(topic));
        }
        if is_new && self.values.len() >= values_max {
            return Err(NotRetained::Values { most: values_max });
        }
        let replaced = found.map_or(0, |value| self.values[value].bytes());
        let bytes = self.bytes - replaced + bytes + VALUE_BYTES;
        let (most, fits) = (bytes_max, bytes <= bytes_max || bytes <= self.bytes);
        if fits { Ok(()) } else { Err(NotRetained::Bytes { bytes, most }) }
    }

    fn too_many_keys(&self, topic: &Topic) -> NotRetained {
        let (most, most_of_all) = (topic.retains.keys_max, self.config.keys_max);
        match self.policies.fewest_keys(topic.name()) {
            Some(pattern) if most < most_of_all => {
                NotRetained::KeysOfPattern { most, pattern: pattern.to_owned() }
            }
            _ => NotRetained::Keys { most: most_of_all },
        }
    }
}
