//! Topics as a table for people.

use std::fmt;

use serde::Deserialize;

use super::super::columns::write_columns;
use super::super::numbers::{age, grouped, size};

/// What the broker answers.
#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    topics: u64,
    matching: u64,
    list: Vec<Topic>,
}

#[derive(Debug, Deserialize)]
struct Topic {
    topic: String,
    published: u64,
    bytes: u64,
    deliveries: u64,
    subscribers: u64,
    groups: u64,
    retained: u64,
    idle: u64,
    epoch: u64,
}

/// An answer as it is shown.
pub(super) struct Look<'a>(pub(super) &'a Answer);

const COLUMNS: usize = 9;

/// The heads of the columns, and whether they hold words.
const HEADS: [(&str, bool); COLUMNS] = [
    ("TOPIC", true),
    ("PUBLISHED", false),
    ("BYTES", false),
    ("DELIVERIES", false),
    ("SUBSCRIBERS", false),
    ("GROUPS", false),
    ("RETAINED", false),
    ("IDLE", false),
    ("EPOCH", false),
];

impl fmt::Display for Look<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Answer { topics, matching, list } = self.0;
        let [of, all] = [*matching, *topics].map(grouped);
        writeln!(f, "{} of {of} shown; {all} topics", list.len())?;
        if list.is_empty() {
            return Ok(());
        }
        write_columns(f, &HEADS, &list.iter().map(row).collect::<Vec<_>>())
    }
}

fn row(topic: &Topic) -> [String; COLUMNS] {
    [
        topic.topic.clone(),
        grouped(topic.published),
        size(topic.bytes),
        grouped(topic.deliveries),
        grouped(topic.subscribers),
        grouped(topic.groups),
        grouped(topic.retained),
        age(topic.idle),
        topic.epoch.to_string(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = r#"{"time":1700000065000,"topics":5002,"matching":2,"shown":2,"list":[
        {"topic":"market.btc","epoch":1700000000000,"published":36000,"bytes":4096000,"retained":1,
         "groups":0,"idle":12,"deliveries":36000000,"subscribers":1000},
        {"topic":"jobs","epoch":1700000000001,"published":7,"bytes":700,"retained":0,"groups":1,
         "idle":61000,"deliveries":7,"subscribers":0}]}"#;

    #[test]
    fn topics_stand_in_columns() {
        let answer: Answer = serde_json::from_str(ANSWER).expect("the broker answers so");
        let expected = "\
2 of 2 shown; 5,002 topics
TOPIC       PUBLISHED      BYTES  DELIVERIES  SUBSCRIBERS  GROUPS  RETAINED   IDLE          EPOCH
market.btc     36,000  4,000 KiB  36,000,000        1,000       0         1  12 ms  1700000000000
jobs                7      700 B           7            0       1         0  1m 1s  1700000000001
";
        assert_eq!(Look(&answer).to_string(), expected);
    }
}
