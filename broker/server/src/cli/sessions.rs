//! `broker sessions`: who is connected, and who is behind.

mod table;

use super::arguments::{Sessions, Sort};
use super::looking::Looking;
use super::outcome::{Failure, Outcome};
use table::{Answer, Look};

/// Shows sessions, once or again and again.
pub(crate) fn run(arguments: &Sessions) -> Result<Outcome, Failure> {
    let Sessions { sort, limit, prefix, watch, json, connection } = arguments;
    let sort = match sort {
        Sort::Age => "age",
        Sort::Queue => "queue",
        Sort::Name => "name",
    };
    let question = serde_json::json!({ "sort": sort, "limit": limit, "name": prefix });
    let (topic, what) = ("$broker.sessions", "sessions");
    Looking { connection, watch: *watch, json: *json, topic, question, what, table: show }.run()
}

fn show(answer: &[u8]) -> serde_json::Result<String> {
    let answer: Answer = serde_json::from_slice(answer)?;
    Ok(Look(&answer).to_string())
}
