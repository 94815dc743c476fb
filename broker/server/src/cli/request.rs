//! `broker request`: asks, and prints the answer.

use client_sdk::RequestError;

use super::arguments::{Output, Request};
use super::client::{self, WhenLost, interruptible};
use super::outcome::{Failure, Outcome};
use super::output::{self, Printer};
use super::payload;

/// Asks, and prints the answer.
pub(crate) fn run(arguments: &Request) -> Result<Outcome, Failure> {
    let payload = payload::from_argument(&arguments.payload)?;
    let body = payload::body(payload, arguments.content)?;
    client::run(&arguments.connection, WhenLost::Fail, async |client, signals| {
        let answered = async {
            let reply = client.request_within(arguments.timeout, &arguments.topic, body).await;
            let reply = reply.map_err(|error| failure(&arguments.topic, &error))?;
            let Request { format, no_newline, .. } = *arguments;
            let mut printer = Printer::new(Output { format, timestamps: false, no_newline });
            let printed = printer.reply(&reply);
            printed.map_or_else(|error| output::ended(&error), |()| Ok(Outcome::Done))
        };
        interruptible(signals, answered).await
    })
}

fn failure(topic: &str, error: &RequestError) -> Failure {
    let (outcome, advice) = match error {
        RequestError::InvalidTopic { .. } => (Outcome::Misused, ""),
        RequestError::NobodyAnswers => (Outcome::NobodyAnswers, "; `broker reply` serves one"),
        RequestError::TimedOut(_) => (Outcome::TimedOut, "; --timeout waits longer"),
        _ => (Outcome::Failed, ""),
    };
    outcome.because(format_args!("no answer from {topic}: {error}{advice}"))
}
