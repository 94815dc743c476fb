//! Asking the broker about itself, once or again and again.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use client_sdk::{Body, Client, ErrorCode, RequestError};
use serde_json::Value;
use serde_json::value::RawValue;

use super::arguments::Connection;
use super::client::{self, WhenLost, interruptible};
use super::outcome::{Failure, Outcome};
use super::output;

/// How long the broker may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long to wait where too many ask at the moment.
const PAUSE: Duration = Duration::from_millis(200);

/// Back to the first line of a terminal, and nothing left of what was there.
const CLEAR: &str = "\x1b[H\x1b[2J";

/// What is asked, and how the answer is shown.
pub(super) struct Looking<'a> {
    pub(super) connection: &'a Connection,
    /// After what time to look again.
    pub(super) watch: Option<Duration>,
    /// Whether each is shown as a line of JSON.
    pub(super) json: bool,
    /// The topic on which the broker answers.
    pub(super) topic: &'static str,
    pub(super) question: Value,
    /// What is asked about, in words.
    pub(super) what: &'static str,
    /// The answer as a table.
    pub(super) table: fn(&[u8]) -> serde_json::Result<String>,
}

/// The list as it came, each entry to be printed as it is.
#[derive(serde::Deserialize)]
struct Lines<'a> {
    #[serde(borrow)]
    list: Vec<&'a RawValue>,
}

impl Looking<'_> {
    /// Asks and shows.
    pub(super) fn run(&self) -> Result<Outcome, Failure> {
        client::run(self.connection, WhenLost::Fail, async |client, signals| {
            let outcome = interruptible(signals, self.look(client)).await?;
            // To be interrupted is how watching ends.
            Ok(if self.watch.is_some() { Outcome::Done } else { outcome })
        })
    }

    async fn look(&self, client: &Client) -> Result<Outcome, Failure> {
        let clears = self.watch.is_some() && !self.json && io::stdout().is_terminal();
        loop {
            let answer = self.ask(client).await?;
            let mut text = self.show(&answer)?;
            if clears {
                text.insert_str(0, CLEAR);
            }
            if let Err(error) = print(&text) {
                return output::ended(&error);
            }
            match self.watch {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Ok(Outcome::Done),
            }
        }
    }

    async fn ask(&self, client: &Client) -> Result<Body, Failure> {
        let answered = tokio::time::timeout(PATIENCE, self.ask_until_there_is_room(client)).await;
        let reply = answered.unwrap_or(Err(RequestError::TimedOut(PATIENCE)));
        reply.map_err(|error| self.failure(&error))
    }

    async fn ask_until_there_is_room(&self, client: &Client) -> Result<Body, RequestError> {
        loop {
            let body = Body::json(self.question.to_string());
            match client.request_within(PATIENCE, self.topic, body).await {
                Err(error) if is_busy(&error) => tokio::time::sleep(PAUSE).await,
                reply => return reply.map(|reply| reply.body),
            }
        }
    }

    fn failure(&self, error: &RequestError) -> Failure {
        let outcome = match error {
            RequestError::TimedOut(_) => Outcome::TimedOut,
            _ => Outcome::Failed,
        };
        outcome.because(format_args!("the broker tells of no {}: {error}", self.what))
    }

    fn show(&self, answer: &Body) -> Result<String, Failure> {
        let shown = if self.json { lines(&answer.payload) } else { (self.table)(&answer.payload) };
        shown.map_err(|error| {
            Outcome::Failed.because(format_args!("the broker's answer can't be read: {error}"))
        })
    }
}

/// Whether too many ask at the moment.
fn is_busy(error: &RequestError) -> bool {
    matches!(error, RequestError::Busy { .. } | RequestError::Refused { code: ErrorCode::Busy, .. })
}

fn lines(answer: &[u8]) -> serde_json::Result<String> {
    let Lines { list } = serde_json::from_slice(answer)?;
    Ok(list.iter().map(|entry| format!("{entry}\n")).collect())
}

fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}
