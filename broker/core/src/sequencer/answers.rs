//! What is answered to those who asked.

use broker_protocol::ErrorCode;

use super::Inboxes;
use super::retained::NotRetained;
use super::topics::TopicsFull;
use crate::{Answer, Item, SessionId};

pub(super) fn answer_to(session: SessionId, answer: Answer, out: &mut impl Inboxes) {
    out.put(session.shard, Item::Answer { session, answer });
}

pub(super) fn too_many_topics(id: Option<u64>, full: TopicsFull) -> Answer {
    let message = full.to_string();
    Answer::Rejected { id: id.unwrap_or(0), code: ErrorCode::TooManyTopics, message }
}

pub(super) fn not_retained(id: Option<u64>, refused: &NotRetained) -> Answer {
    let (code, message) = (refused.code(), refused.to_string());
    Answer::Rejected { id: id.unwrap_or(0), code, message }
}

pub(super) fn no_such_client(id: Option<u64>, name: &str) -> Answer {
    let message = format!("no client named {name:?} is connected");
    Answer::Rejected { id: id.unwrap_or(0), code: ErrorCode::NoSuchClient, message }
}
