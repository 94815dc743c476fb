//! A client of the SDK at a link of which this holds the other end: what comes costs it, without a broker
//! and without a socket.

use std::borrow::Cow;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};

use anyhow::Context as _;
use broker_protocol::frame::{
    Accepted, Attached, Body, BrokerFrame, ClientFrame, Connected, LaneHeader, Message,
};
use broker_protocol::{Codec, frames_in_packet};
use bytes::{Bytes, BytesMut};
use client_sdk::interface::Interface as _;
use client_sdk::{Client, Keep, LaneOptions, Offered, Subscription};
use transport_api::{Channel, Link, LinkError, Listener as _, Packet, Received};
use transport_memory::{Config, MemoryListener, Network};

/// What a client takes until it says that it has consumed some of it, in bytes.
const WINDOW: u64 = 1 << 20;

/// More than any packet here.
const PACKET_BYTES_MAX: usize = 1 << 20;

/// Bytes of a text that is called with.
const TEXT: &[u8; 32] = b"thirty-two bytes of words to say";

/// How messages come into the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// A closure is subscribed.
    Subscribed,
    /// A closure is subscribed to the latest of each key, and each message has a key of its own.
    Latest,
    /// An object is called by its token.
    Called,
    /// An object is attached to a topic.
    Attached,
}

/// Calls an object with a number, a time and a text.
#[client_sdk::callback]
pub trait Target {
    /// A call.
    fn said(&self, number: u64, sent: u64, text: String);
}

struct Counting(Arc<AtomicU64>);

#[client_sdk::callback]
impl Target for Counting {
    fn said(&self, _number: u64, _sent: u64, _text: String) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Keeps what was begun.
#[expect(dead_code, reason = "it ends when it is dropped")]
enum Begun {
    Subscription(Subscription),
    Offered(Offered<dyn Target>),
}

/// A client, and the broker's end of its link.
pub struct Receiver {
    link: Box<dyn Link>,
    buffer: Vec<u8>,
    came: Arc<AtomicU64>,
    _begun: Begun,
    _client: Client,
}

/// Where clients connect to.
pub struct Hall {
    network: Network,
    listener: MemoryListener,
}

impl Hall {
    /// An empty one.
    ///
    /// # Errors
    /// If the name is taken.
    pub fn new() -> anyhow::Result<Self> {
        let network = Network::new(1);
        let listener = network.listen("broker", &[Config::SUBPROTOCOL])?;
        Ok(Self { network, listener })
    }

    /// A client that receives in this way. What comes is counted in `came`.
    ///
    /// # Errors
    /// If the SDK says something unexpected.
    pub async fn enter(&mut self, way: Way, came: &Arc<AtomicU64>) -> anyhow::Result<Receiver> {
        let connector = Arc::new(self.network.connector());
        let connecting = Client::builder("memory://broker").with_connector(connector).connect();
        let (client, end) = tokio::join!(connecting, self.accept());
        let (client, mut end) = (client?, end?);
        let begun = match way {
            Way::Called | Way::Attached => end.offered(&client, came).await?,
            Way::Subscribed => end.subscribed(&client, LaneOptions::default(), came).await?,
            Way::Latest => {
                let latest = LaneOptions { keep: Some(Keep::Latest(1)), ..LaneOptions::default() };
                end.subscribed(&client, latest, came).await?
            }
        };
        let (End { link, buffer }, came) = (end, Arc::clone(came));
        Ok(Receiver { link, buffer, came, _begun: begun, _client: client })
    }

    async fn accept(&mut self) -> anyhow::Result<End> {
        let link = self.listener.accept().await?.handshake().await?;
        let mut end = End { link, buffer: vec![0; PACKET_BYTES_MAX] };
        end.packet().await?;
        let connected = Connected { receive_window: Some(WINDOW), ..Connected::default() };
        say(end.link.as_mut(), &frames(&[BrokerFrame::Connected(connected)]))?;
        Ok(end)
    }
}

impl Receiver {
    /// Hands a packet over.
    ///
    /// # Errors
    /// If the client has ended.
    pub fn say(&mut self, packet: &Bytes) -> Result<(), LinkError> {
        say(self.link.as_mut(), packet)
    }

    /// Takes what the client has said, and forgets it.
    pub fn listen(&mut self) {
        let mut cx = Context::from_waker(Waker::noop());
        let mut sink = |_: Received<'_>| true;
        while self.link.poll_receive(&mut cx, &mut self.buffer, &mut sink).is_ready() {}
    }

    /// Waits until so many messages have come, to all who count together.
    pub async fn until(&self, came: u64) {
        while self.came.load(Ordering::Relaxed) < came {
            tokio::task::yield_now().await;
        }
    }
}

/// So many messages in one packet, the first with this number.
pub fn packet(way: Way, first: u64, messages: u64) -> Bytes {
    let topic = if way == Way::Called { "$to.token.said" } else { "desk.all.said" };
    let mut payload = <dyn Target>::DESCRIPTION.methods[0].fingerprint.to_le_bytes().to_vec();
    // Two numbers and a text, as bincode writes them.
    payload.extend_from_slice(&[7, 253, 1, 2, 3, 4, 5, 6, 7, 8, TEXT.len() as u8]);
    payload.extend_from_slice(TEXT);
    let header = LaneHeader { lane: 0, subscription: None };
    let mut out = vec![BrokerFrame::Lane(header)];
    out.extend((first..first + messages).map(|seq| {
        let key = (way == Way::Latest).then(|| Cow::Owned(format!("key-{seq}")));
        let body = Body { key, payload: Cow::Borrowed(&payload), ..Body::default() };
        let (topic, from) = (Cow::Borrowed(topic), Some(Cow::Borrowed("desk")));
        BrokerFrame::Message(Message { seq, epoch: 1, topic, from, body, ..Message::default() })
    }));
    frames(&out)
}

/// The broker's end of a link, while something begins.
struct End {
    link: Box<dyn Link>,
    buffer: Vec<u8>,
}

impl End {
    async fn offered(&mut self, client: &Client, came: &Arc<AtomicU64>) -> anyhow::Result<Begun> {
        let offering = client.offer::<dyn Target, _>(Counting(Arc::clone(came)));
        let answering = async {
            let id = self.asked().await?;
            let callback = Some("token".to_owned());
            let accepted = Accepted { id, callback, ..Accepted::default() };
            let (callback, topic) = ("token".to_owned(), "desk.all".to_owned());
            let attached = BrokerFrame::Attached(Attached { callback, topic });
            say(self.link.as_mut(), &frames(&[BrokerFrame::Accepted(accepted), attached]))?;
            anyhow::Ok(())
        };
        let (offered, answered) = tokio::join!(offering, answering);
        answered?;
        Ok(Begun::Offered(offered?))
    }

    async fn subscribed(
        &mut self,
        client: &Client,
        options: LaneOptions,
        came: &Arc<AtomicU64>,
    ) -> anyhow::Result<Begun> {
        let came = Arc::clone(came);
        let count = move |_: &client_sdk::Message| _ = came.fetch_add(1, Ordering::Relaxed);
        let starting = client.subscription("desk.all.*").lane_options(options.clone()).start(count);
        let answering = async {
            let id = self.asked().await?;
            let (subscription, lane, granted) = (Some(1), Some(0), Some(options));
            let accepted = Accepted { id, subscription, lane, granted, ..Accepted::default() };
            say(self.link.as_mut(), &frames(&[BrokerFrame::Accepted(accepted)]))?;
            anyhow::Ok(())
        };
        let (subscription, answered) = tokio::join!(starting, answering);
        answered?;
        Ok(Begun::Subscription(subscription?))
    }

    /// The number of the command that came.
    async fn asked(&mut self) -> anyhow::Result<u64> {
        let packet = self.packet().await?;
        let frame = frames_in_packet(Codec::Bincode, &packet, PACKET_BYTES_MAX).next();
        match Codec::Bincode.read_client(frame.context("an empty packet")??)? {
            Some(ClientFrame::Offer(offer)) => Ok(offer.id),
            Some(ClientFrame::Subscribe(subscribe)) => Ok(subscribe.id),
            other => anyhow::bail!("expected offer or subscribe, got {other:?}"),
        }
    }

    async fn packet(&mut self) -> Result<Vec<u8>, LinkError> {
        let Self { link, buffer } = self;
        let mut came = None;
        poll_fn(|cx| {
            loop {
                let mut sink = |received: Received<'_>| {
                    if let Received::Data(_, packet) = received {
                        came = Some(packet.to_vec());
                    }
                    came.is_none()
                };
                match link.poll_receive(cx, buffer, &mut sink) {
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Ready(Ok(())) | Poll::Pending if came.is_some() => {
                        return Poll::Ready(Ok(came.take().unwrap_or_default()));
                    }
                    Poll::Ready(Ok(())) => {}
                    Poll::Pending => return Poll::Pending,
                }
            }
        })
        .await
    }
}

fn frames(frames: &[BrokerFrame<'_>]) -> Bytes {
    let mut out = BytesMut::new();
    frames.iter().for_each(|frame| Codec::Bincode.write_broker(frame, &mut out));
    out.freeze()
}

fn say(link: &mut dyn Link, packet: &Bytes) -> Result<(), LinkError> {
    link.try_send(Channel::Control, Packet::shared(packet, 0..packet.len()))?;
    link.end_turn();
    Ok(())
}
