//! Sessions as a table for people.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::super::columns::write_columns;
use super::super::numbers::{age, grouped, size};

/// What the broker answers.
#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    time: u64,
    sessions: u64,
    connected: u64,
    matching: u64,
    behind: u64,
    list: Vec<Session>,
}

#[derive(Debug, Deserialize)]
struct Session {
    name: String,
    transport: Option<String>,
    codec: String,
    peer: Option<String>,
    connected: bool,
    since: u64,
    subscriptions: u64,
    lanes: Vec<Lane>,
}

#[derive(Debug, Deserialize)]
struct Lane {
    lane: u8,
    options: Options,
    messages: u64,
    bytes: u64,
    age: u64,
    received: u64,
    conflated: u64,
    merged: u64,
    dropped: u64,
    expired: u64,
    gaps: u64,
}

#[derive(Debug, Deserialize)]
struct Options {
    keep: Value,
    overflow: String,
}

/// An answer as it is shown.
pub(super) struct Look<'a>(pub(super) &'a Answer);

const COLUMNS: usize = 13;

/// The heads of the columns, and whether they hold words: these begin at the left.
const HEADS: [(&str, bool); COLUMNS] = [
    ("NAME", true),
    ("AGE", false),
    ("WAITING", false),
    ("BYTES", false),
    ("LANE", false),
    ("KEEP", true),
    ("RECEIVED", false),
    ("CONFLATED", false),
    ("DROPPED", false),
    ("GAPS", false),
    ("FILTERS", false),
    ("CONNECTED", false),
    ("FROM", true),
];

type Row = [String; COLUMNS];

impl fmt::Display for Look<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Answer { time, sessions, connected, matching, behind, list } = self.0;
        let [of, all, here, late] = [*matching, *sessions, *connected, *behind].map(grouped);
        writeln!(
            f,
            "{} of {of} shown; {all} sessions, {here} connected, {late} behind",
            list.len()
        )?;
        if list.is_empty() {
            return Ok(());
        }
        let rows: Vec<Row> = list.iter().flat_map(|session| rows(session, *time)).collect();
        write_columns(f, &HEADS, &rows)
    }
}

/// A row for each lane that was used; what is the session's own stands in the first.
fn rows(session: &Session, now: u64) -> Vec<Row> {
    let used = |lane: &&Lane| {
        let gone = lane.conflated + lane.merged + lane.dropped + lane.expired;
        lane.received + lane.messages + lane.bytes + gone > 0
    };
    let mut lanes: Vec<&Lane> = session.lanes.iter().filter(used).collect();
    lanes.sort_by_key(|lane| std::cmp::Reverse((lane.age, lane.messages, lane.received)));
    if lanes.is_empty() {
        lanes.extend(session.lanes.last());
    }
    let mut rows: Vec<Row> = lanes.into_iter().map(row).collect();
    if let Some(first) = rows.first_mut() {
        let since = Duration::from_secs(now.saturating_sub(session.since) / 1000);
        let since = humantime::format_duration(since).to_string();
        let words = if session.connected { since } else { format!("lost {since} ago") };
        let [transport, peer] =
            [&session.transport, &session.peer].map(|word| word.as_deref().unwrap_or("-"));
        first[0].clone_from(&session.name);
        first[10] = grouped(session.subscriptions);
        first[11] = words;
        first[12] = format!("{transport} {} {peer}", session.codec);
    }
    rows
}

fn row(lane: &Lane) -> Row {
    let keep = match &lane.options.keep {
        Value::String(word) => word.clone(),
        number => format!("newest {number}"),
    };
    let waits = lane.messages > 0;
    let shown = |shown: bool, text: String| if shown { text } else { "-".to_owned() };
    [
        String::new(),
        shown(waits, age(lane.age)),
        shown(waits, grouped(lane.messages)),
        shown(lane.bytes > 0, size(lane.bytes)),
        lane.lane.to_string(),
        format!("{keep}, {}", lane.options.overflow),
        grouped(lane.received),
        grouped(lane.conflated + lane.merged),
        grouped(lane.dropped + lane.expired),
        grouped(lane.gaps),
        String::new(),
        String::new(),
        String::new(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = r#"{"time":1700000065000,"sessions":5002,"connected":5002,"matching":2,
        "behind":1,"shown":2,"list":[
        {"name":"web.anna","session":"0-1-1","transport":"ws","codec":"json","peer":"10.0.0.7:4242",
         "connected":true,"since":1700000000000,"subscriptions":12,"messages":100,"bytes":409600,
         "age":1234,"received":48,"conflated":36000,"merged":0,"dropped":0,"expired":0,"gaps":36,
         "lanes":[
          {"lane":0,"options":{"keep":"all","overflow":"disconnect"},"messages":0,"bytes":0,"age":0,
           "received":0,"conflated":0,"merged":0,"dropped":0,"expired":0,"gaps":0},
          {"lane":1,"options":{"keep":"latest","overflow":"drop-oldest"},"messages":100,
           "bytes":409600,"age":1234,"received":48,"conflated":36000,"merged":0,"dropped":0,
           "expired":0,"gaps":36}]},
        {"name":"b","session":"0-2-2","transport":null,"codec":"bincode","peer":null,
         "connected":false,"since":1700000064000,"subscriptions":0,"messages":0,"bytes":0,"age":0,
         "received":0,"conflated":0,"merged":0,"dropped":0,"expired":0,"gaps":0,
         "lanes":[{"lane":0,"options":{"keep":3,"overflow":"disconnect"},"messages":0,"bytes":0,
           "age":0,"received":0,"conflated":0,"merged":0,"dropped":0,"expired":0,"gaps":0}]}]}"#;

    #[test]
    fn sessions_stand_in_columns_and_lanes_that_were_never_used_are_left_out() {
        let answer: Answer = serde_json::from_str(ANSWER).expect("the broker answers so");
        let expected = "\
2 of 2 shown; 5,002 sessions, 5,002 connected, 1 behind
NAME        AGE  WAITING    BYTES  LANE  KEEP                  RECEIVED  CONFLATED  DROPPED  GAPS  FILTERS    CONNECTED  FROM
web.anna  1.2 s      100  400 KiB     1  latest, drop-oldest         48     36,000        0    36       12        1m 5s  ws json 10.0.0.7:4242
b             -        -        -     0  newest 3, disconnect         0          0        0     0        0  lost 1s ago  - bincode -
";
        assert_eq!(Look(&answer).to_string(), expected);
    }

    #[test]
    fn a_lane_in_which_everything_expired_or_waits_to_be_told_was_used() {
        for of in ["conflated", "merged", "dropped", "expired"] {
            let [unused, used] = ["0", "7"]
                .map(|count| ANSWER.replace(&format!("\"{of}\":0"), &format!("\"{of}\":{count}")));
            let rows = |answer: &str| {
                let answer: Answer = serde_json::from_str(answer).expect("the broker answers so");
                Look(&answer).to_string().lines().count()
            };
            // The heading, the heads of the columns, and lane 1; or lane 0 too.
            assert_eq!((rows(&unused), rows(&used)), (4, 5), "{of}");
        }
    }
}
