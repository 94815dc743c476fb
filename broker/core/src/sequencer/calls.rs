//! The requests that are on their way.

use hashbrown::HashMap;

use crate::{SessionId, Token};

/// The requests that were handed to a provider and not answered yet.
///
/// Bounded by the askers: a session's open requests are limited.
#[derive(Debug, Default)]
pub(super) struct Calls {
    open: HashMap<Token, (Call, SessionId)>,
}

/// Who asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) asker: SessionId,
    /// The asker's id for it.
    pub(super) id: u64,
}

impl Calls {
    pub(super) fn begin(&mut self, token: Token, call: Call, provider: SessionId) {
        self.open.insert(token, (call, provider));
    }

    /// Ends a call. `None` if it was answered, refused or cancelled before.
    pub(super) fn end(&mut self, token: Token) -> Option<(Call, SessionId)> {
        self.open.remove(&token)
    }
}
