//! `broker sessions`: who is connected, and who is behind.

mod table;

use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use client_sdk::{Body, Client, RequestError};
use serde_json::value::RawValue;

use super::arguments::{Sessions, Sort};
use super::client::{self, WhenLost, interruptible};
use super::outcome::{Failure, Outcome};
use super::output;
use table::{Answer, Look};

/// The topic on which the broker answers.
const TOPIC: &str = "$broker.sessions";

/// How long the broker may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Back to the first line of a terminal, and nothing left of what was there.
const CLEAR: &str = "\x1b[H\x1b[2J";

/// The sessions as they came, each to be printed as it is.
#[derive(serde::Deserialize)]
struct Lines<'a> {
    #[serde(borrow)]
    list: Vec<&'a RawValue>,
}

/// Shows sessions, once or again and again.
pub(crate) fn run(arguments: &Sessions) -> Result<Outcome, Failure> {
    client::run(&arguments.connection, WhenLost::Fail, async |client, signals| {
        let watching = async {
            let clears = arguments.watch.is_some() && !arguments.json && io::stdout().is_terminal();
            loop {
                let answer = ask(client, arguments).await?;
                let mut text = show(&answer, arguments.json)?;
                if clears {
                    text.insert_str(0, CLEAR);
                }
                if let Err(error) = print(&text) {
                    return output::ended(&error);
                }
                match arguments.watch {
                    Some(pause) => tokio::time::sleep(pause).await,
                    None => return Ok(Outcome::Done),
                }
            }
        };
        let outcome = interruptible(signals, watching).await?;
        // To be interrupted is how watching ends.
        Ok(if arguments.watch.is_some() { Outcome::Done } else { outcome })
    })
}

async fn ask(client: &Client, arguments: &Sessions) -> Result<Body, Failure> {
    let Sessions { sort, limit, prefix, .. } = arguments;
    let sort = match sort {
        Sort::Age => "age",
        Sort::Queue => "queue",
        Sort::Name => "name",
    };
    let question = serde_json::json!({ "sort": sort, "limit": limit, "name": prefix });
    let body = Body::json(question.to_string());
    let reply = client.request_within(PATIENCE, TOPIC, body).await;
    reply.map(|reply| reply.body).map_err(|error| failure(&error))
}

fn failure(error: &RequestError) -> Failure {
    let outcome = match error {
        RequestError::TimedOut(_) => Outcome::TimedOut,
        _ => Outcome::Failed,
    };
    outcome.because(format_args!("the broker tells of no sessions: {error}"))
}

fn show(answer: &Body, json: bool) -> Result<String, Failure> {
    let unreadable = |error: serde_json::Error| {
        Outcome::Failed.because(format_args!("the broker's answer can't be read: {error}"))
    };
    if json {
        let Lines { list } = serde_json::from_slice(&answer.payload).map_err(unreadable)?;
        return Ok(list.iter().map(|session| format!("{session}\n")).collect());
    }
    let answer: Answer = serde_json::from_slice(&answer.payload).map_err(unreadable)?;
    Ok(Look(&answer).to_string())
}

fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}
