//! One QUIC connection as a link.

use std::task::{Context, Poll, ready};

use futures_util::future::BoxFuture;
use quinn::{Connection, RecvStream, SendStream};
use transport_api::{
    Channel, CloseReason, Framing, Lanes, Link, LinkError, Packet, PingSupport, Properties, Sent,
    Sink, Subprotocol,
};

use crate::TRANSPORT;
use crate::closing::{close, close_now};
use crate::failures::ABANDONED;
use crate::receiver::Receiver;
use crate::sender::Sender;

/// One QUIC connection.
pub(crate) struct QuicLink {
    connection: Connection,
    properties: Properties,
    receiver: Receiver,
    state: State,
    /// What is said when the link is dropped before it is closed.
    last_word: Option<CloseReason>,
}

enum State {
    Open(Sender),
    Closing(BoxFuture<'static, ()>),
    Closed,
}

/// Control goes before lanes, which have priority 0.
const CONTROL_PRIORITY: i32 = 1;

impl QuicLink {
    /// The broker's end of a connection whose client has opened the control stream.
    pub(crate) fn of_broker(
        connection: Connection,
        control: (SendStream, RecvStream),
        subprotocol: Subprotocol,
    ) -> Self {
        let datagram_bytes_max = connection.max_datagram_size();
        let receiver = Receiver::of_broker(connection.clone(), control.1);
        Self::new(connection, control.0, receiver, subprotocol, datagram_bytes_max)
    }

    /// The client's end of a connection.
    pub(crate) fn of_client(
        connection: Connection,
        control: (SendStream, RecvStream),
        subprotocol: Subprotocol,
    ) -> Self {
        let receiver = Receiver::of_client(connection.clone(), control.1);
        Self::new(connection, control.0, receiver, subprotocol, None)
    }

    fn new(
        connection: Connection,
        control: SendStream,
        receiver: Receiver,
        subprotocol: Subprotocol,
        datagram_bytes_max: Option<usize>,
    ) -> Self {
        // Fails only on a stream that has ended already.
        let _ = control.set_priority(CONTROL_PRIORITY);
        let properties = Properties {
            transport: TRANSPORT,
            subprotocol,
            peer: connection.remote_address().into(),
            framing: Framing::Stream,
            lanes: Lanes::Separate,
            ping: PingSupport::None,
            datagram_bytes_max,
        };
        let state = State::Open(Sender::new(connection.clone(), control));
        Self { connection, properties, receiver, state, last_word: None }
    }

    fn sender(&mut self) -> Result<&mut Sender, LinkError> {
        match &mut self.state {
            State::Open(sender) => Ok(sender),
            State::Closing(_) | State::Closed => Err(LinkError::ClosedHere),
        }
    }
}

impl Link for QuicLink {
    fn properties(&self) -> &Properties {
        &self.properties
    }

    fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
        sink: &mut dyn Sink,
    ) -> Poll<Result<(), LinkError>> {
        let sender = self.sender()?;
        // What a lane holds back must move even when nobody has more to send in any lane.
        if sender.unsent() > 0 {
            // An error is told by whoever sends next, or by the end of the connection.
            let _ = sender.flush(cx);
        }
        self.receiver.poll(cx, buffer, sink)
    }

    fn try_send(&mut self, channel: Channel, packet: Packet<'_>) -> Result<Sent, LinkError> {
        self.sender()?.try_send(channel, &packet)
    }

    fn poll_writable(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LinkError>> {
        self.sender()?.poll_writable(cx)
    }

    fn unsent(&self) -> usize {
        match &self.state {
            State::Open(sender) => sender.unsent(),
            State::Closing(_) | State::Closed => 0,
        }
    }

    fn close(&mut self, reason: CloseReason) {
        let State::Open(sender) = std::mem::replace(&mut self.state, State::Closed) else { return };
        let closing = close(self.connection.clone(), sender, reason.clone());
        self.state = State::Closing(Box::pin(closing));
        self.last_word = Some(reason);
    }

    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let State::Closing(closing) = &mut self.state {
            ready!(closing.as_mut().poll(cx));
            self.state = State::Closed;
        }
        Poll::Ready(())
    }
}

impl Drop for QuicLink {
    fn drop(&mut self) {
        match &self.last_word {
            Some(reason) => close_now(&self.connection, reason),
            None => self.connection.close(ABANDONED, b""),
        }
    }
}
