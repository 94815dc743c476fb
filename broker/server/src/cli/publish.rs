//! `broker pub` and `broker send`: messages from the command line and from standard input.

mod lines;

use client_sdk::{Body, Client, Publication, PublishError};

use super::arguments::{Publish, Send};
use super::client::{self, WhenLost, interruptible};
use super::outcome::{Failure, Outcome};
use super::payload;

/// Publishes one message, or each line of standard input.
pub(crate) fn publish(arguments: &Publish) -> Result<Outcome, Failure> {
    let Some(payload) = &arguments.payload else { return lines::publish(arguments) };
    let body =
        with_key(payload::body(payload::from_argument(payload)?, arguments.content)?, arguments);
    client::run(&arguments.connection, WhenLost::Fail, async |client, signals| {
        let published = async {
            let published = publication(client, arguments, body).publish_acked().await;
            published.map(|()| Outcome::Done).map_err(|error| failure(&arguments.topic, &error))
        };
        interruptible(signals, published).await
    })
}

/// Sends a message to one client.
pub(crate) fn send(arguments: &Send) -> Result<Outcome, Failure> {
    let payload = payload::from_argument(&arguments.payload)?;
    let body = payload::body(payload, arguments.content)?;
    client::run(&arguments.connection, WhenLost::Fail, async |client: &Client, signals| {
        let sent = async {
            let message = client.direct_message(&*arguments.to, body);
            let message = match arguments.expires_in {
                Some(time) => message.expires_in(time),
                None => message,
            };
            let sent = message.send().await;
            sent.map(|()| Outcome::Done).map_err(|error| failure(&arguments.to, &error))
        };
        interruptible(signals, sent).await
    })
}

/// A message with the options of the command line.
fn publication<'a>(client: &'a Client, arguments: &'a Publish, body: Body) -> Publication<'a> {
    let mut publication = client.publication(&*arguments.topic, body);
    if let Some(time) = arguments.expires_in {
        publication = publication.expires_in(time);
    }
    if arguments.retain { publication.retain() } else { publication }
}

fn with_key(body: Body, arguments: &Publish) -> Body {
    match &arguments.key {
        Some(key) => body.key(key),
        None => body,
    }
}

fn failure(to: &str, error: &PublishError) -> Failure {
    let (outcome, advice) = match error {
        PublishError::InvalidTopic { .. } => (Outcome::Misused, ""),
        PublishError::NoSuchClient { .. } => (
            Outcome::NobodyAnswers,
            "; a client has the name that it connects with, as in `broker sub --name NAME`",
        ),
        PublishError::TimedOut(_) => (Outcome::TimedOut, ""),
        _ => (Outcome::Failed, ""),
    };
    outcome.because(format_args!("couldn't publish to {to}: {error}{advice}"))
}
