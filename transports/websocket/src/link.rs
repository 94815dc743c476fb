//! One WebSocket connection as a link, the same at both ends.

mod closing;

use std::io;
use std::task::{Context, Poll, ready};

use transport_api::{
    Address, Channel, CloseCode, CloseReason, Framing, Lanes, Link, LinkError, Packet, PingSupport,
    Properties, Received, Sent, Sink, Subprotocol,
};

use crate::config::Messages;
use crate::frame::Opcode;
use crate::held::Held;
use crate::outbox::Outbox;
use crate::reader::{Event, Kinds, Reader, Role, Rules};
use crate::stream::Stream;
use closing::State;

/// How often a poll reads while nothing complete comes of it, before others get their turn.
const READS_PER_POLL_MAX: usize = 16;

/// One WebSocket connection.
///
/// # Bounds
/// While idle it owns nothing but itself (and, with TLS, its session). It keeps at most one
/// incomplete message of the peer, what was read and the sink didn't want yet (as much as the lent
/// buffer holds), and the rest of one packet.
#[derive(Debug)]
pub(crate) struct WebSocketLink {
    stream: Stream,
    reader: Reader,
    outbox: Outbox,
    held: Held,
    opcode: Opcode,
    messages: Messages,
    state: State,
    /// The caller was told to poll `poll_writable`.
    blocked: bool,
    properties: Properties,
}

/// What a handshake settled.
pub(crate) struct Agreed {
    pub(crate) role: Role,
    pub(crate) subprotocol: Subprotocol,
    pub(crate) peer: Address,
    pub(crate) messages: Messages,
    pub(crate) packet_bytes_max: usize,
    /// What was read past the handshake.
    pub(crate) read_early: Vec<u8>,
}

impl WebSocketLink {
    pub(crate) fn new(stream: Stream, agreed: Agreed) -> Self {
        let text = agreed.subprotocol.text;
        let kinds = match agreed.messages {
            Messages::Mirrored => Kinds::Either,
            Messages::AsAgreed if text => Kinds::Text,
            Messages::AsAgreed => Kinds::Binary,
        };
        let rules = Rules { role: agreed.role, kinds, message_bytes_max: agreed.packet_bytes_max };
        let properties = Properties {
            transport: if stream.is_tls() { "wss" } else { "ws" },
            subprotocol: agreed.subprotocol,
            peer: agreed.peer,
            framing: Framing::Packets,
            lanes: Lanes::Shared,
            ping: PingSupport::Native,
            datagram_bytes_max: None,
        };
        Self {
            stream,
            reader: Reader::new(rules),
            outbox: Outbox::new(agreed.role),
            held: Held::new(&agreed.read_early),
            opcode: Opcode::of_messages(text),
            messages: agreed.messages,
            state: State::Open,
            blocked: false,
            properties,
        }
    }

    /// Reads frames out of `bytes`. Returns how many bytes were consumed, and whether the caller of
    /// `poll_receive` is to be told.
    fn take(&mut self, bytes: &mut [u8], sink: &mut dyn Sink) -> Result<(usize, bool), LinkError> {
        let mut told = false;
        let mut closed = None;
        let Self { stream, reader, outbox, opcode, messages, .. } = self;
        let read = reader.read(bytes, &mut |event| {
            told = true;
            match event {
                Event::Message { text, bytes } => {
                    if *messages == Messages::Mirrored {
                        *opcode = Opcode::of_messages(text);
                    }
                    sink.receive(Received::Data(Channel::Control, bytes))
                }
                Event::Ping(payload) => {
                    outbox.queue_pong(payload);
                    // Each at once, while there is room. Reading tells whether the link broke.
                    if outbox.flush(stream).is_err() {
                        outbox.clear();
                    }
                    sink.receive(Received::Alive)
                }
                Event::Pong(payload) => sink.receive(pong(payload)),
                Event::Close { code, text } => {
                    closed = Some((code, reason(code, text)));
                    false
                }
            }
        });
        match (read, closed) {
            (Err(error), _) => Err(self.fail(error)),
            (Ok(_), Some((code, reason))) => Err(self.peer_closed(code, reason)),
            (Ok(read), None) => Ok((read, told)),
        }
    }

    /// Moves pongs on, and waits for room for them if nobody else does.
    ///
    /// Where that fails reading goes on nevertheless: the peer's last words may be there.
    fn answer_pings(&mut self, cx: &mut Context<'_>) {
        while !(self.outbox.is_empty() && self.stream.is_flushed()) {
            match self.outbox.flush(&mut self.stream) {
                Ok(true) => {}
                Ok(false) if self.blocked => break,
                Ok(false) => match self.stream.poll_write_ready(cx) {
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(_)) => return self.outbox.clear(),
                    Poll::Pending => break,
                },
                Err(_) => return self.outbox.clear(),
            }
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.stream.poll_write_ready(cx))?;
            if self.outbox.flush(&mut self.stream)? {
                return Poll::Ready(Ok(()));
            }
        }
    }

    fn check_open(&self) -> Result<(), LinkError> {
        if self.state == State::Open { Ok(()) } else { Err(LinkError::ClosedHere) }
    }

    fn remember(&mut self, sent: Sent) -> Sent {
        self.blocked = sent != Sent::Taken;
        sent
    }
}

impl Link for WebSocketLink {
    fn properties(&self) -> &Properties {
        &self.properties
    }

    fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
        sink: &mut dyn Sink,
    ) -> Poll<Result<(), LinkError>> {
        self.check_open()?;
        self.answer_pings(cx);
        if !self.held.is_empty() {
            let mut held = std::mem::take(&mut self.held);
            let (read, told) = self.take(held.as_mut_slice(), sink)?;
            self.held = held.after(read);
            if told {
                self.answer_pings(cx);
                return Poll::Ready(Ok(()));
            }
        }
        for _ in 0..READS_PER_POLL_MAX {
            let arrived = match ready!(self.stream.poll_read(cx, buffer))? {
                0 => return Poll::Ready(Err(io::Error::from(io::ErrorKind::UnexpectedEof).into())),
                arrived => &mut buffer[..arrived],
            };
            let (read, told) = self.take(arrived, sink)?;
            self.held = Held::new(&arrived[read..]);
            if told {
                self.answer_pings(cx);
                return Poll::Ready(Ok(()));
            }
        }
        Poll::Ready(Ok(()))
    }

    fn try_send(&mut self, _channel: Channel, packet: Packet<'_>) -> Result<Sent, LinkError> {
        self.check_open()?;
        let sent = self.outbox.send(&mut self.stream, self.opcode, packet)?;
        Ok(self.remember(sent))
    }

    fn poll_writable(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LinkError>> {
        self.check_open()?;
        ready!(self.poll_flush(cx))?;
        self.blocked = false;
        Poll::Ready(Ok(()))
    }

    fn unsent(&self) -> usize {
        self.outbox.unsent() + self.stream.unsent()
    }

    fn try_ping(&mut self, mark: u64) -> Result<Sent, LinkError> {
        self.check_open()?;
        let mark = mark.to_be_bytes();
        let sent = self.outbox.send(&mut self.stream, Opcode::Ping, Packet::lent(&mark))?;
        Ok(self.remember(sent))
    }

    fn close(&mut self, reason: CloseReason) {
        self.say_goodbye(&reason);
    }

    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_end(cx)
    }
}

/// Reads a pong: with eight bytes it is the mark of a ping of ours.
fn pong(payload: &[u8]) -> Received<'static> {
    payload.try_into().map_or(Received::Alive, |mark| Received::Pong(u64::from_be_bytes(mark)))
}

fn reason(code: Option<u16>, text: &str) -> CloseReason {
    let code = code.map_or(CloseCode::Normal, CloseCode::from_websocket);
    CloseReason::new(code, text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What ten thousand idle connections are counted in, in bytes.
    const IDLE_BYTES_MAX: usize = 248;

    #[test]
    fn an_idle_link_owns_little_more_than_its_socket() {
        let bytes = size_of::<WebSocketLink>();
        assert!(bytes <= IDLE_BYTES_MAX, "{bytes} bytes");
    }
}
