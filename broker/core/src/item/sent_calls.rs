//! Calls that a shard is told of together.

use std::time::Duration;

use bytes::Bytes;

use super::Owned;
use crate::{SessionId, Span};

/// Calls that aren't answered, of one batch and for callbacks of one shard.
///
/// Whoever calls one client after the other leaves the calls of each scattered in the order. Lanes of
/// different sessions have no order among each other, so that nobody can tell if those of a session
/// are taken one behind the other: then they lie together in the log, and leave as they lie there.
#[derive(Debug, Clone)]
pub struct SentCalls {
    /// When they were accepted.
    pub(crate) time: u64,
    /// What their parts lie in.
    pub(crate) arena: Bytes,
    calls: Vec<Linked>,
    /// The first call for each session, in their order.
    firsts: Vec<u32>,
    /// What their parts are together, in bytes.
    bytes: usize,
}

/// A call that isn't answered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SentCall {
    /// Whom it is for.
    pub(crate) to: Owned,
    /// The method's place.
    pub(crate) method: u8,
    /// The message without its place in the order.
    pub(crate) parts: Span,
    /// When it isn't worth delivering any more.
    pub(crate) expires: Option<Duration>,
    /// Who sent it, and the id to acknowledge.
    pub(crate) from: (SessionId, Option<u64>),
}

/// A call, and where the next one for its session is.
#[derive(Debug, Clone, Copy)]
struct Linked {
    call: SentCall,
    next: Option<u32>,
}

impl SentCalls {
    /// None so far.
    pub(crate) fn new(time: u64, arena: Bytes) -> Self {
        Self { time, arena, calls: Vec::new(), firsts: Vec::new(), bytes: 0 }
    }

    /// How many there are, which is where the next one will be.
    pub(crate) fn len(&self) -> u32 {
        self.calls.len() as u32
    }

    /// Adds a call behind the last one for the same session, if there is one.
    pub(crate) fn push(&mut self, call: SentCall, last: Option<u32>) {
        let place = self.len();
        match last {
            Some(last) => self.calls[last as usize].next = Some(place),
            None => self.firsts.push(place),
        }
        self.bytes += call.parts.len();
        self.calls.push(Linked { call, next: None });
    }

    /// The calls, those for one session one behind the other, in their order.
    pub(crate) fn by_session(&self) -> impl Iterator<Item = &SentCall> {
        let linked = |place: u32| &self.calls[place as usize];
        let from = move |first: &u32| {
            std::iter::successors(Some(linked(*first)), move |last| last.next.map(linked))
        };
        self.firsts.iter().flat_map(from).map(|linked| &linked.call)
    }

    /// The bytes that they hold.
    pub(super) fn held(&self) -> usize {
        self.bytes + self.calls.len() * size_of::<Linked>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ShardId;

    #[test]
    fn calls_for_a_session_follow_each_other_and_keep_their_order() {
        let mut calls = SentCalls::new(0, Bytes::new());
        let mut lasts = [None; 3];
        for (number, slot) in (0..).zip([2, 0, 2, 1, 0, 2]) {
            let session = SessionId { shard: ShardId(0), slot, generation: 0 };
            let (to, parts) = (Owned { owner: session, number }, Span { start: 0, end: 10 });
            let call = SentCall { to, method: 0, parts, expires: None, from: (session, None) };
            let last = lasts[slot as usize].replace(calls.len());
            calls.push(call, last);
        }
        let order = calls.by_session().map(|call| (call.to.owner.slot, call.to.number));
        assert!(order.eq([(2, 0), (2, 2), (2, 5), (0, 1), (0, 4), (1, 3)]));
        assert_eq!(calls.held(), 6 * (10 + size_of::<Linked>()));
    }
}
