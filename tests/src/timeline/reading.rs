//! Subscribers that note what comes, and when.

use std::future::poll_fn;
use std::time::Duration;

use broker_protocol::Codec;
use broker_protocol::frame::{BrokerFrame, Connect, Gap, Subscribe};
use client_sdk::{Event, GapCause, MessageStream, Reconnect};
use tokio::time::{Instant, timeout_at};

use super::{Missing, Reader, key_of, seconds};
use crate::bare::BUFFER_BYTES;
use crate::{Client, Place};

/// The largest packet that a bare subscriber takes, in bytes: on a narrow way what is in one packet
/// arrives at once, at the end of it.
const PACKET_BYTES_MAX: u32 = 4 << 10;

/// The longest pause until a client tries to come back.
const PAUSE_MAX: Duration = Duration::from_millis(20);

/// All keys.
const FILTER: &str = "key.*";

/// What came.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub messages: Vec<HeardMessage>,
    pub gaps: Vec<Missing>,
}

/// A message that came.
#[derive(Debug)]
pub(super) struct HeardMessage {
    pub key: usize,
    pub seq: u64,
    pub at: f64,
    pub is_replayed: bool,
}

/// Somebody who is subscribed.
pub(super) enum Ready {
    Bare(Box<Client>),
    Sdk(client_sdk::Client, MessageStream),
}

impl Ready {
    /// Connects and subscribes.
    pub(super) async fn subscribe(reader: &Reader, place: &Place) -> anyhow::Result<Self> {
        match reader {
            Reader::Bare(options, replay) => {
                let packet_bytes_max = Some(PACKET_BYTES_MAX);
                let connect = Connect { version: 1, packet_bytes_max, ..Connect::default() };
                let mut client = Client::connect_as(place, Codec::Bincode, connect).await;
                let (lane, options, replay) = (Some(1), Some(options.clone()), replay.clone());
                let filter = FILTER.into();
                let subscribe = Subscribe { filter, lane, options, replay, ..Subscribe::default() };
                let answer = client.subscribe_as(subscribe).await;
                answer.map_err(|refused| anyhow::anyhow!("{}", refused.message))?;
                Ok(Self::Bare(Box::new(client)))
            }
            Reader::Returning => {
                let client = client_sdk::Client::builder(&place.url)
                    .with_connector(place.connector())
                    .reconnect(Reconnect { max: PAUSE_MAX, ..Reconnect::default() })
                    .connect()
                    .await?;
                let stream = client.stream(FILTER).await?;
                Ok(Self::Sdk(client, stream))
            }
        }
    }

    /// Notes what comes.
    pub(super) async fn read(self, zero: Instant, ends: Instant) -> anyhow::Result<Heard> {
        match self {
            Self::Bare(client) => read_bare(*client, zero, ends).await,
            Self::Sdk(client, stream) => {
                let heard = read_sdk(stream, zero, ends).await;
                client.close().await;
                Ok(heard)
            }
        }
    }
}

async fn read_bare(mut client: Client, zero: Instant, ends: Instant) -> anyhow::Result<Heard> {
    let mut heard = Heard::default();
    let mut buffer = vec![0; BUFFER_BYTES];
    // What is for one subscription alone, of those that have begun, is a replay.
    let mut is_replayed = false;
    let mut hear = |frame: BrokerFrame<'_>| {
        let at = seconds(zero, Instant::now());
        match frame {
            BrokerFrame::Lane(header) => is_replayed = header.subscription.is_some(),
            BrokerFrame::Message(message) => {
                let Some(key) = key_of(&message.topic) else { return };
                heard.messages.push(HeardMessage { key, seq: message.seq, at, is_replayed });
            }
            BrokerFrame::Gap(Gap { topic, count, reason, .. }) => {
                let key = topic.as_deref().and_then(key_of);
                heard.gaps.push(Missing { key, at, count, reason });
            }
            _ => {}
        }
    };
    loop {
        let hearing =
            poll_fn(|cx| client.bare().poll_frames(cx, &mut buffer, &mut |_, frame| hear(frame)));
        match timeout_at(ends, hearing).await {
            Ok(outcome) => outcome?,
            Err(_) => return Ok(heard),
        }
    }
}

async fn read_sdk(mut stream: MessageStream, zero: Instant, ends: Instant) -> Heard {
    let mut heard = Heard::default();
    while let Ok(Some(event)) = timeout_at(ends, stream.next()).await {
        let at = seconds(zero, Instant::now());
        match event {
            Event::Message(message) => {
                let Some(key) = key_of(&message.topic) else { continue };
                let (seq, is_replayed) = (message.seq, message.is_replayed());
                heard.messages.push(HeardMessage { key, seq, at, is_replayed });
            }
            Event::Gap(client_sdk::Gap {
                topic, count, reason: GapCause::Broker(reason), ..
            }) => {
                let key = topic.as_deref().and_then(key_of);
                heard.gaps.push(Missing { key, at, count, reason });
            }
            _ => {}
        }
    }
    heard
}
