//! The requests that are on their way.

use broker_protocol::ErrorCode;
use hashbrown::HashMap;

use super::answers::answer_to;
use super::{Inboxes, Sequencer};
use crate::{Addressee, Answer, Batch, Item, SessionId, Span, Token};

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

impl Sequencer {
    pub(super) fn request(
        &mut self,
        batch: &Batch,
        token: Token,
        call: Call,
        (topic, frame): (Span, Span),
        out: &mut impl Inboxes,
    ) {
        let topic = batch.text(topic);
        let Some(provider) = self.providers.choose(topic, &self.groups) else {
            let message = format!("nobody serves {topic:?}; start a provider, or check the topic");
            let code = ErrorCode::NobodyAnswers;
            let answer = Answer::RequestFailed { id: call.id, code, message };
            return answer_to(call.asker, answer, out);
        };
        let id = call.id;
        self.calls.begin(token, call, provider.session);
        let Addressee { session: provider, subscription } = provider;
        let frame = batch.bytes(frame);
        out.put(provider.shard, Item::Request { provider, subscription, token, id, frame });
    }

    pub(super) fn reply(
        &mut self,
        batch: &Batch,
        token: Token,
        frame: Span,
        out: &mut impl Inboxes,
    ) {
        if let Some((call, _)) = self.calls.end(token) {
            let Call { asker, id } = call;
            out.put(asker.shard, Item::Reply { asker, id, frame: batch.bytes(frame) });
        }
    }

    pub(super) fn refuse(
        &mut self,
        token: Token,
        code: ErrorCode,
        message: &str,
        out: &mut impl Inboxes,
    ) {
        if let Some((call, _)) = self.calls.end(token) {
            let answer = Answer::RequestFailed { id: call.id, code, message: message.to_owned() };
            answer_to(call.asker, answer, out);
        }
    }

    pub(super) fn cancel(&mut self, token: Token, out: &mut impl Inboxes) {
        if let Some((_, provider)) = self.calls.end(token) {
            out.put(provider.shard, Item::Cancelled { provider, token });
        }
    }
}
