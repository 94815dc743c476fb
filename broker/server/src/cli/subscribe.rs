//! `broker sub`: prints what comes.

mod session;

use client_sdk::{Client, Keep, LaneOptions, Message, Overflow, SubscribeError};
use futures_util::StreamExt as _;
use futures_util::stream::{BoxStream, SelectAll};
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::arguments::{Replay, Subscribe, WhenBehind};
use super::client::{self, WhenLost};
use super::outcome::{Failure, Outcome};
use super::signals::Signals;
use session::{Placed, Session, Step};

/// Messages sent to this client by name that wait to be printed; further ones are left out, and told.
const DIRECT_WAITING_MAX: usize = 1024;

/// Subscribes and prints until there is enough, the time is up, or a signal comes.
pub(crate) fn run(arguments: &Subscribe) -> Result<Outcome, Failure> {
    client::run(&arguments.connection, WhenLost::Reconnect, async |client, signals| {
        let direct = receive_direct(client, arguments)?;
        let events = tokio::select! {
            events = subscribe(client, arguments) => events?,
            () = signals.asked() => return Ok(Outcome::Interrupted),
        };
        eprintln!("subscribed to {}", session::places(arguments));
        print_all(Session::new(arguments), events, direct, signals).await
    })
}

/// Everything that is subscribed to, with the place of its filter.
async fn subscribe(
    client: &Client,
    arguments: &Subscribe,
) -> Result<SelectAll<BoxStream<'static, Placed>>, Failure> {
    let mut events = SelectAll::new();
    for (place, filter) in arguments.filters.iter().enumerate() {
        let mut subscription = client.subscription(filter).presence(arguments.presence);
        if arguments.replay == Replay::Last {
            subscription = subscription.replay_last();
        }
        if let Some(group) = &arguments.group {
            subscription = subscription.group(group);
        } else if arguments.unreliable {
            subscription = subscription.unreliable();
        } else if let Some(options) = options(arguments) {
            subscription = subscription.lane_options(options);
        }
        let stream = subscription.stream().await.map_err(|error| refused(filter, &error))?;
        events.push(stream.map(move |event| Placed { place, event }).boxed());
    }
    Ok(events)
}

/// The options of the lane in which messages come.
fn options(arguments: &Subscribe) -> Option<LaneOptions> {
    let interval = arguments.min_interval.map(|interval| interval.as_millis() as u64);
    let min_interval = interval.filter(|interval| *interval > 0);
    let wished = match arguments.when_behind {
        WhenBehind::End if min_interval.is_none() => return None,
        WhenBehind::End => LaneOptions {
            keep: Some(Keep::Latest(1)),
            overflow: Some(Overflow::Disconnect),
            ..LaneOptions::default()
        },
        WhenBehind::DropOldest if min_interval.is_some() => {
            LaneOptions { keep: Some(Keep::Latest(1)), ..LaneOptions::default() }
        }
        WhenBehind::DropOldest => {
            LaneOptions { overflow: Some(Overflow::DropOldest), ..LaneOptions::default() }
        }
        WhenBehind::Merge => LaneOptions { keep: Some(Keep::Merge), ..LaneOptions::default() },
        WhenBehind::Resync => {
            LaneOptions { overflow: Some(Overflow::Resync), ..LaneOptions::default() }
        }
        WhenBehind::Latest => LaneOptions { keep: Some(Keep::Latest(1)), ..LaneOptions::default() },
    };
    Some(LaneOptions { min_interval, ..wished })
}

fn refused(filter: &str, error: &SubscribeError) -> Failure {
    let outcome = match error {
        SubscribeError::InvalidFilter { .. } => Outcome::Misused,
        _ => Outcome::Failed,
    };
    outcome.because(format_args!("couldn't subscribe to {filter}: {error}"))
}

/// What others send to this client, if it has a name of its own.
fn receive_direct(
    client: &Client,
    arguments: &Subscribe,
) -> Result<Option<mpsc::Receiver<Message>>, Failure> {
    if arguments.connection.name.is_none() {
        return Ok(None);
    }
    let (sender, receiver) = mpsc::channel(DIRECT_WAITING_MAX);
    let guard = client.direct(move |message: &Message| {
        if sender.try_send(message.clone()).is_err() {
            eprintln!("missed 1 message of {}: printing is too slow", message.topic);
        }
    });
    guard.map_err(|error| Outcome::Failed.because(error))?.detach();
    Ok(Some(receiver))
}

async fn print_all(
    mut session: Session<'_>,
    mut events: SelectAll<BoxStream<'static, Placed>>,
    mut direct: Option<mpsc::Receiver<Message>>,
    signals: &mut Signals,
) -> Result<Outcome, Failure> {
    let time_is_up = session.wait().map(sleep);
    let mut time_is_up = std::pin::pin!(forever_if_none(time_is_up));
    loop {
        let step = tokio::select! {
            biased;
            () = signals.asked() => return session.interrupted(),
            () = &mut time_is_up => return session.time_is_up(),
            Some(placed) = events.next() => session.event(placed),
            message = next_direct(&mut direct) => session.message(&message),
        };
        if let Step::End(outcome) = step {
            return outcome;
        }
    }
}

async fn forever_if_none(future: Option<impl Future<Output = ()>>) {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

async fn next_direct(direct: &mut Option<mpsc::Receiver<Message>>) -> Message {
    if let Some(receiver) = direct
        && let Some(message) = receiver.recv().await
    {
        return message;
    }
    std::future::pending().await
}
