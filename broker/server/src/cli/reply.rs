//! `broker reply`: answers requests.

mod execute;

use client_sdk::{Body, Provider, Refusal, Request, SubscribeError};

use super::arguments::Reply;
use super::client::{self, WhenLost};
use super::outcome::{Failure, Outcome};
use super::payload;

/// Commands that run at one time.
const CONCURRENT_MAX: usize = 16;

/// Answers until a signal comes.
pub(crate) fn run(arguments: &Reply) -> Result<Outcome, Failure> {
    client::run(&arguments.connection, WhenLost::Reconnect, async |client, signals| {
        let serving = client.providing(&arguments.filter).concurrent_max(CONCURRENT_MAX);
        let _serving = tokio::select! {
            serving = serving.start(Answer::new(arguments)) => {
                serving.map_err(|error| refused(&arguments.filter, &error))?
            }
            () = signals.asked() => return Ok(Outcome::Interrupted),
        };
        eprintln!("serving {}", arguments.filter);
        signals.asked().await;
        Ok(Outcome::Done)
    })
}

/// What every request is answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Answer {
    Text(String),
    Execute(String),
    Echo,
}

impl Answer {
    fn new(arguments: &Reply) -> Self {
        match (&arguments.text, &arguments.exec) {
            (Some(text), _) => Self::Text(text.clone()),
            (None, Some(command)) => Self::Execute(command.clone()),
            (None, None) => Self::Echo,
        }
    }
}

impl Provider for Answer {
    async fn answer(&self, request: Request) -> Result<Body, Refusal> {
        match self {
            Self::Text(text) => Ok(Body::from(text.as_str())),
            Self::Echo => Ok(request.body),
            Self::Execute(command) => {
                let printed = execute::execute(command, &request).await?;
                payload::body(printed, None)
                    .map_err(|failure| Refusal::new("failed", failure.message))
            }
        }
    }
}

fn refused(filter: &str, error: &SubscribeError) -> Failure {
    let outcome = match error {
        SubscribeError::InvalidFilter { .. } => Outcome::Misused,
        _ => Outcome::Failed,
    };
    outcome.because(format_args!("couldn't serve {filter}: {error}"))
}
