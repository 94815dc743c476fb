//! Publishing and sending.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use broker_delivery::{check_topic, is_reserved};
use broker_protocol::ErrorCode;
use broker_protocol::frame::{self, ClientFrame};
use tokio::time::timeout;

use crate::hub::{Answer, Failure, Hub, Lifetime};
use crate::open_call::OpenCall;
use crate::{Body, Client, PublishError};

/// What a frame needs beside its topic and body, in bytes: an estimate for the bound of the queue.
const FRAME_BYTES: usize = 64;

/// A message to be published, with options that `publish` doesn't have.
///
/// ```
/// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/broker.rs")); }
/// # doc::with_client(async |client| {
/// use client_sdk::Body;
///
/// client
///     .publication("market.btc", Body::json(r#"{"price": 7}"#).key("btc"))
///     .publish_acked()
///     .await?;
/// # Ok(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
#[must_use = "a publication does nothing until it is published"]
pub struct Publication<'a> {
    client: &'a Client,
    topic: Cow<'a, str>,
    body: Body,
    retain: bool,
    expires_in: Option<Duration>,
}

impl<'a> Publication<'a> {
    pub(crate) fn new(client: &'a Client, topic: impl Into<Cow<'a, str>>, body: Body) -> Self {
        Self { client, topic: topic.into(), body, retain: false, expires_in: None }
    }

    /// Asks the broker to keep the message as the last value of its topic and key, for who subscribes
    /// later ([`SubscriptionBuilder::replay_last`](crate::SubscriptionBuilder::replay_last)). It
    /// replaces the one before; an empty payload clears it, and is delivered like any message. Where
    /// the broker keeps as much as it may, it is refused with [`ErrorCode::TooManyKeys`].
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/broker.rs")); }
    /// # doc::with_client(async |client| {
    /// client.publication("lamp.kitchen", "on").retain().publish_acked().await?;
    /// # Ok(())
    /// # }).unwrap();
    /// ```
    pub fn retain(mut self) -> Self {
        self.retain = true;
        self
    }

    /// Says after which time the message is no longer worth delivering, in steps of 1 ms. Who has
    /// to wait for it that long, behind a slow link, isn't delivered it, but told in a
    /// [`Gap`](crate::Gap) with the reason `expired`.
    pub fn expires_in(mut self, time: Duration) -> Self {
        self.expires_in = Some(time);
        self
    }

    /// Publishes without acknowledgement; see [`Client::publish`].
    ///
    /// # Errors
    /// See [`Client::publish`].
    ///
    /// # Cancel safety
    /// Dropping the future before it is done means that nothing was published.
    pub async fn publish(self) -> Result<(), PublishError> {
        self.check()?;
        let hub = self.client.hub();
        let room = room_for(hub, self.size()).await.ok_or_else(|| closed(hub))?;
        hub.push(hub.encode(&self.frame(None)), room, Lifetime::Client);
        Ok(())
    }

    /// Publishes without acknowledgement if there is room; see [`Client::try_publish`].
    ///
    /// # Errors
    /// See [`Client::try_publish`].
    pub fn try_publish(self) -> Result<(), PublishError> {
        self.check()?;
        let hub = self.client.hub();
        let room = try_room_for(hub, self.size())?;
        hub.push(hub.encode(&self.frame(None)), room, Lifetime::Client);
        Ok(())
    }

    /// Publishes and waits for the acknowledgement; see [`Client::publish_acked`].
    ///
    /// # Errors
    /// See [`Client::publish_acked`].
    ///
    /// # Cancel safety
    /// Dropping the future leaves open whether the message is published.
    pub async fn publish_acked(self) -> Result<(), PublishError> {
        self.check()?;
        let frame = |id| self.frame(Some(id));
        acknowledged(self.client.hub(), self.size(), frame).await
    }

    fn check(&self) -> Result<(), PublishError> {
        let invalid = |reason: String| {
            Err(PublishError::InvalidTopic { topic: self.topic.to_string(), reason })
        };
        if let Err(error) = check_topic(&self.topic) {
            return invalid(error.to_string());
        }
        if is_reserved(&self.topic) {
            return invalid("topics that begin with `$` belong to the broker".to_owned());
        }
        check_payload(self.client.hub(), &self.body)
    }

    fn size(&self) -> usize {
        self.topic.len() + self.body.size()
    }

    fn frame(&self, id: Option<u64>) -> ClientFrame<'_> {
        ClientFrame::Publish(frame::Publish {
            id,
            topic: Cow::Borrowed(&self.topic),
            body: self.body.as_frame(),
            retain: self.retain,
            expires_in: self.expires_in.map(milliseconds),
        })
    }
}

pub(crate) async fn acknowledged<'a>(
    hub: &Arc<Hub>,
    size: usize,
    frame: impl Fn(u64) -> ClientFrame<'a>,
) -> Result<(), PublishError> {
    let most = hub.config.request_timeout;
    let acknowledged = async {
        let _turn = hub.commands.acquire().await.map_err(|_| closed(hub))?;
        let room = room_for(hub, size).await.ok_or_else(|| closed(hub))?;
        OpenCall::ask(hub, room, |id| hub.encode(&frame(id))).answer().await.map_err(failed)
    };
    match timeout(most, acknowledged).await {
        Ok(Ok(Answer::Accepted | Answer::Reply(..) | Answer::Lag(_))) => Ok(()),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(PublishError::TimedOut(most)),
    }
}

fn failed(failure: Failure) -> PublishError {
    match failure {
        Failure::Disconnected => PublishError::Disconnected,
        Failure::Closed(reason) => PublishError::Closed(reason),
        Failure::Failed(error) => {
            PublishError::Refused { code: ErrorCode::Unrecognised, message: error.message }
        }
        Failure::Rejected(rejected) => {
            let (code, message) = (rejected.code, rejected.message);
            match code {
                ErrorCode::NoSuchClient => PublishError::NoSuchClient { message },
                ErrorCode::Busy => PublishError::Busy { message },
                _ => PublishError::Refused { code, message },
            }
        }
    }
}

pub(crate) fn check_payload(hub: &Hub, body: &Body) -> Result<(), PublishError> {
    let bytes = body.payload.len();
    match hub.payload_bytes_max() {
        Some(limit) if bytes as u64 > limit => Err(PublishError::TooLarge { bytes, limit }),
        _ => Ok(()),
    }
}

fn closed(hub: &Hub) -> PublishError {
    PublishError::Closed(hub.closed_reason())
}

/// The permits that stand for a frame in the outgoing queue. One that is larger than the whole
/// queue takes all of it.
fn permits(hub: &Hub, size: usize) -> u32 {
    let room = (size + FRAME_BYTES).min(hub.config.outgoing_bytes_max);
    u32::try_from(room).unwrap_or(u32::MAX)
}

/// Waits for room in the outgoing queue; `None` if the client is closed.
pub(crate) async fn room_for(hub: &Hub, size: usize) -> Option<usize> {
    let permits = permits(hub, size);
    if let Ok(room) = hub.room.try_acquire_many(permits) {
        room.forget();
        return Some(permits as usize);
    }
    hub.counters.outgoing_full.count();
    hub.room.acquire_many(permits).await.ok()?.forget();
    Some(permits as usize)
}

/// Room in the outgoing queue, if there is some now.
pub(crate) fn try_room_for(hub: &Hub, size: usize) -> Result<usize, PublishError> {
    let permits = permits(hub, size);
    match hub.room.try_acquire_many(permits) {
        Ok(room) => {
            room.forget();
            Ok(permits as usize)
        }
        Err(tokio::sync::TryAcquireError::Closed) => Err(closed(hub)),
        Err(tokio::sync::TryAcquireError::NoPermits) => {
            hub.counters.outgoing_full.count();
            Err(PublishError::Full { bytes_max: hub.config.outgoing_bytes_max })
        }
    }
}

/// Whole milliseconds, rounded up: a short time isn't none.
pub(crate) fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

impl fmt::Display for Publication<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} bytes)", self.topic, self.body.payload.len())
    }
}
