//! A bare client: a link and the frames, nothing else that would cost.

use std::future::poll_fn;
use std::task::{Context, Poll};

use broker_protocol::frame::{BrokerFrame, ClientFrame, Ping, Pong};
use broker_protocol::{Codec, DecodeError, frames_in_packet};
use bytes::BytesMut;
use transport_api::{
    Channel, ConnectError, Connector, Framing, Link, LinkError, Packet, Received, Sent, Subprotocol,
};

/// The largest frame that is expected, in bytes.
const FRAME_BYTES_MAX: usize = 1 << 20;

/// The buffer over which a client reads, in bytes.
pub const BUFFER_BYTES: usize = 64 << 10;

/// A link that speaks in frames.
///
/// Marks are answered as they are read, as those of WebSocket are by its link: the broker measures
/// by them what was consumed. Nobody else hears of them.
pub struct Bare {
    link: Box<dyn Link>,
    codec: Codec,
    /// Parts of frames, one buffer per channel that streams.
    partial: Vec<(Channel, BytesMut)>,
    /// Answers to marks that weren't sent, at most one for each mark on its way.
    answers: BytesMut,
    /// Whether the link is to be polled for room before they are.
    blocked: bool,
}

/// What ends a bare client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BareError {
    /// The link has ended.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The broker sent what isn't a frame.
    #[error("the broker sent what isn't a frame: {0}")]
    Frame(#[from] DecodeError),
}

impl Bare {
    /// Opens a link and says nothing yet.
    ///
    /// # Errors
    /// Whatever stands in the way.
    ///
    /// # Panics
    /// If the subprotocol isn't the broker's.
    pub async fn open(
        connector: &dyn Connector,
        url: &str,
        subprotocol: Subprotocol,
    ) -> Result<Self, ConnectError> {
        let link = connector.connect(url, &[subprotocol]).await?;
        let codec = subprotocol.codec.parse().expect("the broker's subprotocols name codecs");
        let (partial, answers) = (Vec::new(), BytesMut::new());
        Ok(Self { link, codec, partial, answers, blocked: false })
    }

    /// What was agreed on.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// The link itself.
    pub fn link(&mut self) -> &mut dyn Link {
        &mut *self.link
    }

    /// Sends one frame in a packet of its own.
    ///
    /// # Errors
    /// If the link has ended.
    pub async fn send(&mut self, frame: &ClientFrame<'_>) -> Result<(), LinkError> {
        let mut out = BytesMut::new();
        self.codec.write_client(frame, &mut out);
        self.send_bytes(&out).await
    }

    /// Sends one packet, whatever it is.
    ///
    /// # Errors
    /// If the link has ended.
    pub async fn send_bytes(&mut self, bytes: &[u8]) -> Result<(), LinkError> {
        loop {
            let sent = self.link.try_send(Channel::Control, Packet::lent(bytes))?;
            self.link.end_turn();
            if sent != Sent::Taken {
                poll_fn(|cx| self.link.poll_writable(cx)).await?;
                self.blocked = false;
            }
            if sent != Sent::Refused {
                return Ok(());
            }
        }
    }

    /// Receives what has arrived, frame by frame.
    ///
    /// # Errors
    /// If the link ends, or brings what isn't a frame.
    pub fn poll_frames(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
        heard: &mut impl FnMut(Channel, BrokerFrame<'_>),
    ) -> Poll<Result<(), BareError>> {
        let Self { link, codec, partial, answers, .. } = self;
        let framing = link.properties().framing;
        let mut failed = None;
        let polled = link.poll_receive(cx, buffer, &mut |piece: Received<'_>| {
            let Received::Data(channel, bytes) = piece else { return true };
            let mut hear = |frame: BrokerFrame<'_>| match frame {
                BrokerFrame::Ping(Ping { mark: Some(mark) }) => answer(*codec, mark, answers),
                frame => heard(channel, frame),
            };
            let mut read = |frame: &[u8]| {
                codec.read_broker(frame).map(|frame| frame.into_iter().for_each(&mut hear))
            };
            let taken = match framing {
                Framing::Packets => frames_in_packet(*codec, bytes, FRAME_BYTES_MAX)
                    .try_for_each(|frame| frame.and_then(&mut read)),
                Framing::Stream => cut(*codec, partial_of(partial, channel), bytes, &mut read),
            };
            failed = taken.err();
            failed.is_none()
        });
        self.send_answers(cx);
        match failed {
            Some(error) => Poll::Ready(Err(error.into())),
            None => polled.map_err(BareError::from),
        }
    }

    /// Sends what answers there are, as far as there is room. Whether the link lives is told by what
    /// it receives.
    fn send_answers(&mut self, cx: &mut Context<'_>) {
        while !self.answers.is_empty() {
            if self.blocked && self.link.poll_writable(cx).is_pending() {
                return;
            }
            let sent = self.link.try_send(Channel::Control, Packet::lent(&self.answers));
            self.link.end_turn();
            self.blocked = matches!(sent, Ok(Sent::Refused | Sent::TakenAndBlocked));
            if !matches!(sent, Ok(Sent::Refused)) {
                self.answers.clear();
            }
        }
        // What the link holds back moves when it is polled.
        self.blocked = self.blocked && self.link.poll_writable(cx).is_pending();
    }
}

fn answer(codec: Codec, mark: u64, out: &mut BytesMut) {
    codec.write_client(&ClientFrame::Pong(Pong { mark: Some(mark), lag: Vec::new() }), out);
}

fn partial_of(partial: &mut Vec<(Channel, BytesMut)>, channel: Channel) -> &mut BytesMut {
    let place = partial.iter().position(|(of, _)| *of == channel).unwrap_or_else(|| {
        partial.push((channel, BytesMut::new()));
        partial.len() - 1
    });
    &mut partial[place].1
}

fn cut(
    codec: Codec,
    held: &mut BytesMut,
    bytes: &[u8],
    read: &mut impl FnMut(&[u8]) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    held.extend_from_slice(bytes);
    let mut taken = 0;
    while let Some(frame) = codec.cut(&held[taken..], FRAME_BYTES_MAX)? {
        read(frame.frame)?;
        taken += frame.taken;
    }
    let _ = held.split_to(taken);
    Ok(())
}
