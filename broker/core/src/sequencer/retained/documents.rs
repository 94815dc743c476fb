//! Documents: what is retained of a topic whose messages are patches.
//!
//! A patch is put beside the document that it changes, and applied when somebody wants the document, or
//! when what is beside it is as large as the document: so publishing costs a copy of the patch
//! and, over time, about three times its bytes read, however large the document is.

use broker_delivery::fold::{Fold as _, MergePatch};
use broker_protocol::frame::{Content, Message};
use broker_protocol::message;
use bytes::{Bytes, BytesMut};

use super::Kept;
use crate::{Folds, Publication};

/// What a patch costs beside its bytes.
const PATCH_BYTES: usize = 64;

/// How much may be beside a small document, in bytes.
const BESIDE_BYTES: usize = 4 << 10;

/// How documents are made.
#[derive(Debug)]
pub(super) struct Documents {
    folds: Folds,
    /// The largest document.
    pub(super) payload_bytes_max: usize,
}

/// Patches that are yet to be applied to the document beside which they are.
#[derive(Debug, Default)]
pub(super) struct Patches {
    /// All that follows the time in their frames.
    parts: Vec<Bytes>,
    bytes: usize,
    /// The `seq`, epoch and time of the last.
    newest: (u64, u64, u64),
}

impl Patches {
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds a copy of a patch.
    pub(super) fn add(&mut self, publication: &Publication) {
        let Publication { seq, epoch, time, parts, .. } = publication;
        self.bytes += parts.len() + PATCH_BYTES;
        self.parts.push(Bytes::copy_from_slice(parts));
        self.newest = (*seq, *epoch, *time);
    }
}

/// A document as the parts of a message.
#[derive(Debug)]
pub(in crate::sequencer) struct Document {
    pub(super) parts: Bytes,
    pub(super) payload_bytes: usize,
}

impl Documents {
    pub(super) fn new(folds: Folds, payload_bytes_max: usize) -> Self {
        Self { folds, payload_bytes_max }
    }

    /// What a patch costs that can be put beside the document; `None` if it is to be applied: a rule
    /// of the program's own may make it larger than both are.
    pub(super) fn beside(&self, kept: &Kept, patch: &[u8]) -> Option<usize> {
        let Publication { topic, parts, .. } = &kept.publication;
        let beside = kept.patches.as_ref().map_or(0, |patches| patches.bytes);
        let beside = beside + patch.len() + PATCH_BYTES;
        let fits = beside <= parts.len().max(BESIDE_BYTES)
            && parts.len() + beside <= self.payload_bytes_max
            && self.folds.added(topic).is_none();
        fits.then_some(beside)
    }

    /// What a first patch makes of nothing.
    pub(super) fn first(&self, patch: &[u8]) -> Document {
        self.fold(None, std::iter::once(patch))
    }

    /// What the patches beside a document, and one more, make of it.
    pub(super) fn next(&self, kept: &Kept, patch: Option<&[u8]>) -> Document {
        let beside = kept.patches.as_ref().map(|patches| patches.parts.as_slice());
        let patches = beside.unwrap_or_default().iter().map(|patch| &**patch).chain(patch);
        self.fold(Some(&kept.publication.parts), patches)
    }

    /// Has the patches beside a document applied.
    pub(super) fn settle(&self, kept: &mut Kept) {
        if let Some(patches) = &kept.patches {
            let (seq, epoch, time) = patches.newest;
            let parts = self.next(kept, None).parts;
            kept.publication = Publication { seq, epoch, time, parts, ..kept.publication.clone() };
            kept.patches = None;
        }
    }

    /// The document that patches make of the one that is there, if there is one: the newest message
    /// with another payload.
    fn fold<'a>(
        &self,
        document: Option<&'a [u8]>,
        patches: impl Iterator<Item = &'a [u8]>,
    ) -> Document {
        let frames: Vec<BytesMut> = document.into_iter().chain(patches).map(framed).collect();
        let read = |frame| message::read(frame).expect("a shard of this broker encoded it");
        let messages: Vec<Message<'_>> = frames.iter().map(|frame| read(frame)).collect();
        let payload = self.folded(&messages, document.is_some());
        let payload_bytes = payload.len();
        let mut newest = messages.last().expect("there is a patch at least").clone();
        newest.body.payload = payload.into();
        let mut parts = BytesMut::new();
        message::write_parts(&newest.topic, newest.from.as_deref(), &newest.body, &mut parts);
        // A copy has the length that it needs.
        Document { parts: Bytes::copy_from_slice(&parts), payload_bytes }
    }

    /// What messages make of the first of them or, if that is a patch as well, of nothing. One that is
    /// no patch takes the place of all before.
    fn folded(&self, messages: &[Message<'_>], begins_with_document: bool) -> Vec<u8> {
        let payloads: Vec<&[u8]> = messages.iter().map(|one| &*one.body.payload).collect();
        if let Some(rule) = self.folds.added(&messages[0].topic) {
            return rule.apply_all(payloads[0], &payloads[1..]);
        }
        let whole = messages.iter().rposition(|one| one.body.content != Content::Json);
        match whole.or(begins_with_document.then_some(0)) {
            Some(whole) => MergePatch.apply_all(payloads[whole], &payloads[whole + 1..]),
            None => MergePatch.apply_all(&[], &payloads),
        }
    }
}

/// The frame around parts: what else is in it nobody looks at.
fn framed(parts: &[u8]) -> BytesMut {
    let mut frame = BytesMut::new();
    message::write_frame(1, 1, 0, parts, &mut frame);
    frame
}
