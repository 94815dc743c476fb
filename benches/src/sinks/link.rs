//! A link whose other end is nobody.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use broker::SUBPROTOCOLS;
use broker_protocol::frame::BrokerFrame;
use broker_protocol::{Codec, frames_in_packet, message};
use bytes::BytesMut;
use transport_api::{
    Address, Channel, CloseReason, Framing, Lanes, Link, LinkError, Packet, PingSupport,
    Properties, Received, Sent, Sink,
};

use super::stage::{Stage, Tally};

/// Above every frame that a bench makes.
const FRAME_BYTES_MAX: usize = 1 << 20;

/// A link whose other end is nobody: it takes everything, and says what its role is.
#[derive(Debug)]
pub(super) struct SinkLink {
    properties: Properties,
    hello: Option<BytesMut>,
    role: Role,
    stage: Arc<Stage>,
    closed: bool,
}

#[derive(Debug)]
pub(super) enum Role {
    /// Counts what it takes.
    Subscriber(Arc<Tally>),
    /// Brings the packet again whenever it gets what it brought before.
    Publisher { packet: BytesMut, waits: bool, waker: Option<Waker> },
}

impl Role {
    pub(super) fn publisher(packet: BytesMut) -> Self {
        Self::Publisher { packet, waits: false, waker: None }
    }
}

impl SinkLink {
    pub(super) fn new(hello: BytesMut, role: Role, stage: Arc<Stage>) -> Self {
        let properties = Properties {
            transport: "sink",
            subprotocol: SUBPROTOCOLS[0],
            peer: Address::Unnamed,
            framing: Framing::Packets,
            lanes: Lanes::Shared,
            ping: PingSupport::Native,
            datagram_bytes_max: None,
        };
        Self { properties, hello: Some(hello), role, stage, closed: false }
    }

    /// Counts the messages of a packet by the first: all are of the same length, but where a number
    /// in them needs a byte more.
    fn take(&mut self, bytes: &[u8]) {
        let codec = Codec::Bincode;
        let Ok(Some(first)) = codec.cut(bytes, FRAME_BYTES_MAX) else { return };
        if !message::is_one(codec, first.frame) {
            return self.stage.answered(answers(bytes));
        }
        match &mut self.role {
            Role::Subscriber(tally) => tally.add((bytes.len() / first.taken) as u64),
            Role::Publisher { waits, waker, .. } => {
                *waits = false;
                waker.take().into_iter().for_each(Waker::wake);
            }
        }
    }
}

fn answers(bytes: &[u8]) -> usize {
    let codec = Codec::Bincode;
    let is_answer = |frame: &[u8]| {
        let read = codec.read_broker(frame);
        matches!(read, Ok(Some(BrokerFrame::Connected(_) | BrokerFrame::Accepted(_))))
    };
    frames_in_packet(codec, bytes, FRAME_BYTES_MAX).flatten().filter(|f| is_answer(f)).count()
}

impl Link for SinkLink {
    fn properties(&self) -> &Properties {
        &self.properties
    }

    fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        _buffer: &mut [u8],
        sink: &mut dyn Sink,
    ) -> Poll<Result<(), LinkError>> {
        if self.closed {
            return Poll::Ready(Err(LinkError::ClosedHere));
        }
        if let Some(hello) = self.hello.take() {
            sink.receive(Received::Data(Channel::Control, &hello));
            return Poll::Ready(Ok(()));
        }
        let Role::Publisher { packet, waits, waker } = &mut self.role else {
            return Poll::Pending;
        };
        if !self.stage.is_at_work(cx) {
            return Poll::Pending;
        }
        if *waits {
            *waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        *waits = true;
        sink.receive(Received::Data(Channel::Control, packet));
        Poll::Ready(Ok(()))
    }

    fn try_send(&mut self, _channel: Channel, packet: Packet<'_>) -> Result<Sent, LinkError> {
        if self.closed {
            return Err(LinkError::ClosedHere);
        }
        self.take(packet.as_slice());
        Ok(Sent::Taken)
    }

    fn poll_writable(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), LinkError>> {
        Poll::Ready(Ok(()))
    }

    fn unsent(&self) -> usize {
        0
    }

    fn close(&mut self, _reason: CloseReason) {
        self.closed = true;
    }

    fn poll_closed(&mut self, _cx: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}
