//! `broker topics`: what is published where, and to how many.

mod table;

use super::arguments::{TopicSort, Topics};
use super::looking::Looking;
use super::outcome::{Failure, Outcome};
use table::{Answer, Look};

/// Shows topics, once or again and again.
pub(crate) fn run(arguments: &Topics) -> Result<Outcome, Failure> {
    let Topics { sort, limit, prefix, watch, json, connection } = arguments;
    let sort = match sort {
        TopicSort::Published => "published",
        TopicSort::Bytes => "bytes",
        TopicSort::Deliveries => "deliveries",
        TopicSort::Retained => "retained",
        TopicSort::Idle => "idle",
        TopicSort::Name => "name",
    };
    let question = serde_json::json!({ "sort": sort, "limit": limit, "name": prefix });
    let (topic, what) = ("$broker.topics", "topics");
    Looking { connection, watch: *watch, json: *json, topic, question, what, table: show }.run()
}

fn show(answer: &[u8]) -> serde_json::Result<String> {
    let answer: Answer = serde_json::from_slice(answer)?;
    Ok(Look(&answer).to_string())
}
