//! A bare client: a link and the frames, nothing else that would cost.

use std::future::poll_fn;
use std::task::Poll;

use anyhow::bail;
use broker_protocol::frame::{BrokerFrame, ClientFrame, Connect, Publish, Subscribe};
use broker_protocol::{Codec, frames_in_packet};
use bytes::BytesMut;
use transport_api::{Channel, Connector, Framing, Link, Packet, Received, Sent, Subprotocol};

/// The largest frame that is expected, in bytes.
const FRAME_BYTES_MAX: usize = 1 << 20;

/// The buffer over which a client reads, in bytes.
pub const BUFFER_BYTES: usize = 64 << 10;

/// A connected client.
pub struct Bare {
    link: Box<dyn Link>,
    codec: Codec,
    /// Parts of frames, one buffer per channel that streams.
    partial: Vec<(Channel, BytesMut)>,
    /// Frames that came and weren't asked for yet.
    messages: u64,
    others: u64,
}

impl Bare {
    /// Connects, and waits until the broker has opened the session.
    ///
    /// # Errors
    /// Whatever stands in the way.
    pub async fn connect(
        connector: &dyn Connector,
        url: &str,
        subprotocol: Subprotocol,
    ) -> anyhow::Result<Self> {
        let link = connector.connect(url, &[subprotocol]).await?;
        let codec = subprotocol.codec.parse()?;
        let mut bare = Self { link, codec, partial: Vec::new(), messages: 0, others: 0 };
        bare.send(&ClientFrame::Connect(Connect { version: 1, ..Connect::default() })).await?;
        bare.other(&mut vec![0; BUFFER_BYTES]).await?;
        Ok(bare)
    }

    /// Subscribes, and waits until the subscription has begun.
    ///
    /// # Errors
    /// If the link ends.
    pub async fn subscribe(&mut self, filter: &str) -> anyhow::Result<()> {
        let subscribe = Subscribe { id: 1, filter: filter.to_owned(), ..Subscribe::default() };
        self.send(&ClientFrame::Subscribe(subscribe)).await?;
        self.other(&mut vec![0; BUFFER_BYTES]).await
    }

    /// Publishes `count` messages in one packet.
    ///
    /// # Errors
    /// If the link ends.
    pub async fn publish(
        &mut self,
        topic: &str,
        payload: &[u8],
        count: usize,
    ) -> anyhow::Result<()> {
        let mut out = BytesMut::new();
        for _ in 0..count {
            let publish = ClientFrame::Publish(Publish::bytes(topic, payload));
            self.codec.write_client(&publish, &mut out);
        }
        self.send_bytes(&out).await
    }

    async fn send(&mut self, frame: &ClientFrame<'_>) -> anyhow::Result<()> {
        let mut out = BytesMut::new();
        self.codec.write_client(frame, &mut out);
        self.send_bytes(&out).await
    }

    async fn send_bytes(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        loop {
            let sent = self.link.try_send(Channel::Control, Packet::lent(bytes))?;
            self.link.end_turn();
            if sent != Sent::Taken {
                poll_fn(|cx| self.link.poll_writable(cx)).await?;
            }
            if sent != Sent::Refused {
                return Ok(());
            }
        }
    }

    /// Waits for a frame that isn't a message.
    async fn other(&mut self, buffer: &mut [u8]) -> anyhow::Result<()> {
        while self.others == 0 {
            self.receive(buffer).await?;
        }
        self.others = 0;
        Ok(())
    }

    /// Waits for messages. Returns how many came.
    ///
    /// # Errors
    /// If the link ends, or brings what isn't a frame.
    pub async fn messages(&mut self, buffer: &mut [u8]) -> anyhow::Result<u64> {
        while self.messages == 0 {
            self.receive(buffer).await?;
        }
        Ok(std::mem::take(&mut self.messages))
    }

    async fn receive(&mut self, buffer: &mut [u8]) -> anyhow::Result<()> {
        poll_fn(|cx| self.poll_receive(cx, buffer)).await
    }

    /// Receives what has arrived.
    ///
    /// # Errors
    /// If the link ends, or brings what isn't a frame.
    pub fn poll_receive(
        &mut self,
        cx: &mut std::task::Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<anyhow::Result<()>> {
        let Self { link, codec, partial, messages, others } = self;
        let framing = link.properties().framing;
        let mut failed = None;
        let mut count = |frame: &[u8]| match codec.read_broker(frame) {
            Ok(Some(BrokerFrame::Message(_))) => *messages += 1,
            Ok(Some(BrokerFrame::Lane(_))) | Ok(None) => {}
            Ok(Some(_)) => *others += 1,
            Err(error) => failed = Some(error),
        };
        let polled = link.poll_receive(cx, buffer, &mut |piece: Received<'_>| {
            let Received::Data(channel, bytes) = piece else { return true };
            match framing {
                Framing::Packets => {
                    for frame in frames_in_packet(*codec, bytes, FRAME_BYTES_MAX).flatten() {
                        count(frame);
                    }
                }
                Framing::Stream => cut(*codec, partial, channel, bytes, &mut count),
            }
            true
        });
        if let Some(error) = failed {
            bail_ready(error)?;
        }
        polled.map_err(anyhow::Error::from)
    }

    /// Messages that came since the last time.
    pub fn take_messages(&mut self) -> u64 {
        std::mem::take(&mut self.messages)
    }
}

fn bail_ready(error: broker_protocol::DecodeError) -> anyhow::Result<()> {
    bail!(error)
}

fn cut(
    codec: Codec,
    partial: &mut Vec<(Channel, BytesMut)>,
    channel: Channel,
    bytes: &[u8],
    count: &mut impl FnMut(&[u8]),
) {
    let place = partial.iter().position(|(of, _)| *of == channel).unwrap_or_else(|| {
        partial.push((channel, BytesMut::new()));
        partial.len() - 1
    });
    let held = &mut partial[place].1;
    held.extend_from_slice(bytes);
    let mut taken = 0;
    while let Ok(Some(frame)) = codec.cut(&held[taken..], FRAME_BYTES_MAX) {
        count(frame.frame);
        taken += frame.taken;
    }
    let _ = held.split_to(taken);
}
