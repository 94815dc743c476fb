//! How messages that wait of one key become one.

use std::fmt;
use std::sync::Arc;

use broker_delivery::fold::{Fold, MergePatch, Part, fold_all};

use crate::{Content, Message};

/// How messages that wait of one key become one, where the rule says that they do.
#[derive(Clone, Default)]
pub(crate) struct Folding {
    /// The program's own rule; JSON Merge Patch where there is none.
    rule: Option<Arc<dyn Fold>>,
}

impl Folding {
    pub(crate) fn by(rule: Arc<dyn Fold>) -> Self {
        Self { rule: Some(rule) }
    }

    /// What stands for messages of one key, oldest first: messages, and for how many each stands.
    pub(super) fn fold(&self, messages: Vec<Message>, bytes_max: usize) -> Vec<(Message, usize)> {
        let rule: &dyn Fold = self.rule.as_deref().unwrap_or(&MergePatch);
        let fold_run = |run: &[Message]| {
            let payloads: Vec<&[u8]> = run.iter().map(|one| &*one.body.payload).collect();
            fold_all(rule, &payloads, bytes_max)
        };
        let runs = messages.chunk_by(|one, two| self.are_alike(one, two));
        let parts: Vec<Part> = runs.flat_map(fold_run).collect();
        let mut messages = messages.into_iter();
        let stands = |Part { count, payload }| {
            let mut newest = messages.nth(count - 1).expect("each stands for some of them");
            if let Some(payload) = payload {
                newest.body.payload = payload.into();
            }
            (newest, count)
        };
        parts.into_iter().map(stands).collect()
    }

    fn are_alike(&self, one: &Message, two: &Message) -> bool {
        let known = self.rule.is_some() || one.body.content == Content::Json;
        known && one.body.content == two.body.content
    }
}

impl fmt::Debug for Folding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.rule.is_some() { "its own" } else { "JSON Merge Patch" };
        formatter.write_str(name)
    }
}
