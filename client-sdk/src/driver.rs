//! From connection to connection: dials, runs, and dials again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use broker_protocol::frame::{self, Shutdown};
use tokio::time::{Instant, sleep, timeout};
use transport_api::{Connector, Subprotocol};

use crate::connection::{Connection, End};
use crate::hub::Hub;
use crate::{ClosedReason, ConnectError, ConnectionState, Reconnect};

/// Where and how connections are made.
pub(crate) struct Dialer {
    /// Where the broker is, each with what opens it; at least one.
    pub(crate) places: Vec<(String, Arc<dyn Connector>)>,
    /// How many attempts were made at them, in turn.
    pub(crate) turns: AtomicUsize,
    pub(crate) policy: Reconnect,
}

/// Why there is no connection, or none any more.
#[derive(Debug)]
pub(crate) enum Failure {
    Connect(ConnectError),
    Ended(End),
}

impl Dialer {
    /// Makes the first connection: at each place once.
    pub(crate) async fn dial_first(&self, hub: &Arc<Hub>) -> Result<Connection, Failure> {
        let mut dialled = self.dial(hub).await;
        for _ in 1..self.places.len() {
            if dialled.is_ok() {
                break;
            }
            dialled = self.dial(hub).await;
        }
        dialled
    }

    /// Makes a connection and opens a session, or goes on with one.
    pub(crate) async fn dial(&self, hub: &Arc<Hub>) -> Result<Connection, Failure> {
        let most = hub.config.connect_timeout;
        let dialled = timeout(most, self.dial_unbounded(hub)).await;
        dialled.unwrap_or(Err(Failure::Connect(ConnectError::TimedOut(most))))
    }

    async fn dial_unbounded(&self, hub: &Arc<Hub>) -> Result<Connection, Failure> {
        let codec = hub.config.codec;
        let (name, text) = (codec.name(), codec.is_text());
        let offered = Subprotocol { family: "broker", version: 1, codec: name, text };
        let turn = self.turns.fetch_add(1, Ordering::Relaxed) % self.places.len();
        let (url, connector) = &self.places[turn];
        let connected = connector.connect(url, &[offered]).await;
        let link = connected.map_err(|error| Failure::Connect(error.into()))?;
        let mut connection = Connection::new(link, Arc::clone(hub));
        match connection.opened().await {
            Ok(()) => Ok(connection),
            Err(end) => {
                connection.close(&end).await;
                Err(Failure::Ended(end))
            }
        }
    }
}

/// Runs a client from its first connection until it is closed for good.
pub(crate) async fn drive(hub: Arc<Hub>, dialer: Dialer, first: Connection) {
    let mut attempts = Attempts { hub: &hub, dialer: &dialer, made: 0 };
    let mut connection = first;
    let reason = loop {
        let begun = Instant::now();
        let end = connection.run().await;
        tracing::debug!(%end, "a connection ended");
        hub.disconnected();
        if begun.elapsed() >= Reconnect::STABLE_AFTER {
            attempts.made = 0;
        }
        match attempts.again(Failure::Ended(end)).await {
            Ok(next) => connection = next,
            Err(reason) => break reason,
        }
    };
    hub.closed(reason);
}

/// The attempts since the last connection that lived for a while.
struct Attempts<'a> {
    hub: &'a Arc<Hub>,
    dialer: &'a Dialer,
    made: u32,
}

impl Attempts<'_> {
    /// Tries until there is a connection, or it is time to give up.
    async fn again(&mut self, mut failure: Failure) -> Result<Connection, ClosedReason> {
        loop {
            let at_least = failure.pause()?;
            let error = failure.to_string();
            if self.hub.is_closing() {
                return Err(ClosedReason::Asked);
            }
            if !self.dialer.policy.allows(self.made + 1) {
                return Err(ClosedReason::Lost { error, attempts: self.made });
            }
            self.made += 1;
            match self.attempt(at_least, error).await? {
                Ok(connection) => return Ok(connection),
                Err(next) => failure = next,
            }
        }
    }

    async fn attempt(
        &self,
        at_least: Duration,
        error: String,
    ) -> Result<Result<Connection, Failure>, ClosedReason> {
        let (hub, attempt) = (self.hub, self.made);
        let after = at_least.saturating_add(self.dialer.policy.pause(attempt));
        hub.tell(ConnectionState::Reconnecting { attempt, after, error });
        let attempted = async {
            sleep(after).await;
            self.dialer.dial(hub).await
        };
        tokio::select! {
            biased;
            () = hub.until_closing() => Err(ClosedReason::Asked),
            attempted = attempted => Ok(attempted),
        }
    }
}

impl Failure {
    /// How long to wait at least before the next attempt.
    fn pause(&self) -> Result<Duration, ClosedReason> {
        match self {
            Self::Ended(End::Asked) | Self::Connect(ConnectError::Closed) => {
                Err(ClosedReason::Asked)
            }
            Self::Ended(End::Told(Shutdown { code, reason, reconnect })) => match reconnect {
                frame::Reconnect::Now => Ok(Duration::ZERO),
                frame::Reconnect::Later(after) => Ok(Duration::from_millis(*after)),
                frame::Reconnect::Never => {
                    Err(ClosedReason::Refused { code: *code, message: reason.clone() })
                }
            },
            _ => Ok(Duration::ZERO),
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Connect(error) => error.fmt(f),
            Self::Ended(end) => end.fmt(f),
        }
    }
}

impl From<Failure> for ConnectError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Connect(error) => error,
            Failure::Ended(End::Told(told)) => {
                Self::Refused { code: told.code, message: told.reason }
            }
            Failure::Ended(end) => Self::Lost { reason: end.to_string() },
        }
    }
}
