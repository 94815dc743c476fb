//! What the small clients share: connect, work, close in good order.

use std::future::Future;

use client_sdk::{Client, ConnectError, ConnectionState, Reconnect};
use tokio::runtime::Runtime;

use super::arguments::{Codec, Connection};
use super::logging;
use super::outcome::{Failure, Outcome};
use super::signals::Signals;

/// One thread for the connection and one more for callbacks: printing may block the first.
const THREADS: usize = 2;

/// What is done when the connection is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WhenLost {
    /// It is made anew.
    Reconnect,
    /// The command fails: it may be half done.
    Fail,
}

/// Connects, does the work, and closes in good order. The work must end when a signal asks for it.
pub(crate) fn run<W>(
    connection: &Connection,
    when_lost: WhenLost,
    work: W,
) -> Result<Outcome, Failure>
where
    W: AsyncFnOnce(&Client, &mut Signals) -> Result<Outcome, Failure>,
{
    logging::start_for_client(connection.verbose);
    let runtime = runtime()?;
    let outcome = runtime.block_on(async {
        let mut signals = Signals::take().map_err(|error| Outcome::Failed.because(error))?;
        let mut client = None;
        let connected = async {
            client = Some(connect(connection, when_lost).await?);
            Ok(Outcome::Done)
        };
        let outcome = interruptible(&mut signals.clone(), connected).await?;
        let Some(client) = client else { return Ok(outcome) };
        let outcome = work(&client, &mut signals).await;
        client.close().await;
        outcome
    });
    // A thread that still reads standard input is nobody to wait for.
    runtime.shutdown_background();
    outcome
}

/// Does the work, unless a signal comes first.
pub(crate) async fn interruptible(
    signals: &mut Signals,
    work: impl Future<Output = Result<Outcome, Failure>>,
) -> Result<Outcome, Failure> {
    tokio::select! {
        outcome = work => outcome,
        () = signals.asked() => Ok(Outcome::Interrupted),
    }
}

fn runtime() -> Result<Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_all()
        .build()
        .map_err(|error| Outcome::Failed.because(format_args!("no runtime: {error}")))
}

async fn connect(connection: &Connection, when_lost: WhenLost) -> Result<Client, Failure> {
    let mut builder = Client::builder(&connection.url)
        .codec(match connection.codec {
            Codec::Bincode => client_sdk::Codec::Bincode,
            Codec::Json => client_sdk::Codec::Json,
        })
        .connect_timeout(connection.connect_timeout)
        .reconnect(match when_lost {
            WhenLost::Reconnect => Reconnect::default(),
            WhenLost::Fail => Reconnect::OFF,
        })
        .on_state(tell(connection.verbose));
    if let Some(name) = &connection.name {
        builder = builder.name(name);
    }
    if let Some(fingerprint) = connection.fingerprint {
        builder = builder.trust(fingerprint);
    }
    builder.connect().await.map_err(|error| unconnected(&connection.url, &error))
}

/// Tells of a lost connection once, and of its return.
fn tell(verbose: bool) -> impl FnMut(ConnectionState) + Send + 'static {
    let mut lost = false;
    move |state| match state {
        ConnectionState::Reconnecting { error, .. } if !lost => {
            lost = true;
            eprintln!("connection lost: {error}; trying again until it is back");
        }
        ConnectionState::Connected(session) if lost || verbose => {
            lost = false;
            eprintln!("connected to {} as {}", session.server, session.name);
        }
        _ => {}
    }
}

fn unconnected(url: &str, error: &ConnectError) -> Failure {
    use transport_api::ConnectError as Transport;
    let advice = match error {
        ConnectError::Transport(Transport::Unreachable { .. }) => {
            "; is a broker running there? `broker` starts one, --url or BROKER_URL names another"
        }
        ConnectError::Transport(Transport::Untrusted { .. }) => {
            "; --fingerprint trusts the certificate whose fingerprint the broker prints"
        }
        ConnectError::TimedOut(_) => "; --connect-timeout waits longer",
        _ => "",
    };
    let outcome = match error {
        ConnectError::UnknownScheme { .. } | ConnectError::Transport(Transport::Url { .. }) => {
            Outcome::Misused
        }
        _ => Outcome::Unconnected,
    };
    outcome.because(format_args!("couldn't connect to {url}: {error}{advice}"))
}
