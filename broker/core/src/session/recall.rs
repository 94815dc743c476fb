//! What a session was answered, in case its link is lost with the answers.
//!
//! Answers that travel in lanes are kept there, as everything is that was sent. Those that travel as
//! control are kept here, until a ping that was sent behind them is answered.

use super::{Answers, Session};
use crate::few::Few;

/// What a session was answered.
#[derive(Debug, Default)]
pub(crate) struct Recall {
    /// The last publish that was acknowledged.
    pub(crate) acknowledged: u64,
    /// Over its link of now.
    pub(crate) answers: Answers,
    /// How many of these stand in front of the ping that isn't answered.
    pinged: u64,
    /// Commands that the sequencer was asked and that have no answer yet.
    asked: Few<u64, ()>,
    /// Before.
    pub(crate) past: Option<Past>,
}

/// What a session had done before it came back: commands are repeated whose answers were lost.
#[derive(Debug)]
pub(crate) struct Past {
    pub(crate) last_publish_id: u64,
    /// The last publish whose acknowledgement may be lost: those of later ones come by themselves.
    pub(crate) acknowledged: u64,
    pub(crate) answers: Answers,
    /// The commands whose answers come by themselves, in the order of their ids.
    pub(crate) coming: Vec<u64>,
}

impl Recall {
    /// A command is asked of the sequencer.
    pub(crate) fn ask(&mut self, id: u64) {
        self.asked.insert(id, ());
    }

    /// It was answered: as control, or in its lane.
    pub(crate) fn answered(&mut self, id: u64) {
        self.asked.remove(&id);
    }

    /// Commands that the sequencer was asked and that have no answer yet.
    pub(crate) fn asked(&self) -> impl Iterator<Item = u64> {
        self.asked.iter().map(|(id, ())| *id)
    }

    /// The client is pinged, behind all that it was answered.
    pub(crate) fn ping(&mut self) {
        self.pinged = self.answers.total();
    }

    /// The ping was answered: what was told in front of it has arrived, and who came back has repeated
    /// what it hadn't been answered.
    pub(crate) fn pong(&mut self) {
        self.answers.forget_first(self.pinged);
        self.past = None;
    }

    /// The client comes back: what it was answered is what it may not know.
    pub(crate) fn come_back(&mut self, last_publish_id: u64, coming: Vec<u64>, most: usize) {
        let mut answers = self.past.take().map(|past| past.answers).unwrap_or_default();
        answers.extend(std::mem::take(&mut self.answers), most);
        let acknowledged = self.acknowledged;
        (self.pinged, self.past) =
            (0, Some(Past { last_publish_id, acknowledged, answers, coming }));
    }

    /// Whether nothing of it matters any more.
    pub(crate) fn is_over(&self) -> bool {
        let Self { acknowledged, answers, asked, past, .. } = self;
        *acknowledged == 0 && answers.is_empty() && asked.is_empty() && past.is_none()
    }

    /// What it costs, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        let past = self.past.as_ref().map_or(0, Past::bytes);
        self.answers.bytes() + past + (self.asked.len() * size_of::<u64>()) as u64
    }
}

impl Past {
    fn bytes(&self) -> u64 {
        self.answers.bytes() + size_of_val(&*self.coming) as u64
    }
}

impl Session {
    /// What was before its client came back.
    pub(crate) fn past(&self) -> Option<&Past> {
        self.recall.as_ref()?.past.as_ref()
    }
}
