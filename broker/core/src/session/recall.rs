//! What a session was answered, now and before its client came back.

use super::{Answers, Session};

/// What a session was answered.
#[derive(Debug, Default)]
pub(crate) struct Recall {
    /// The last publish that was acknowledged.
    pub(crate) acknowledged: u64,
    /// Over its link of now.
    pub(crate) answers: Answers,
    /// Before.
    pub(crate) past: Option<Past>,
}

impl Recall {
    /// What it costs, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        let past = self.past.as_ref().map_or(0, |past| past.answers.bytes());
        self.answers.bytes() + past
    }
}

/// What a session had done before it came back: commands are repeated whose answers were lost.
#[derive(Debug)]
pub(crate) struct Past {
    pub(crate) last_publish_id: u64,
    /// The last publish whose acknowledgement may be lost: those of later ones come by themselves.
    pub(crate) acknowledged: u64,
    pub(crate) answers: Answers,
    /// The subscriptions that stood, each by the command that made it, in the order of these.
    pub(crate) begun_by: Vec<(u64, u64)>,
    /// The places of the lanes of which some was no longer kept: answers may have been among that.
    pub(crate) cut: Vec<usize>,
}

impl Session {
    /// What was before its client came back.
    pub(crate) fn past(&self) -> Option<&Past> {
        self.recall.as_ref()?.past.as_ref()
    }
}
