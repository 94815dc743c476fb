//! All channels from the peer.

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{BoxStream, unfold};
use quinn::{Connection, ConnectionError, ReadError, RecvStream};
use transport_api::{Channel, LinkError, Received, Sink};

use crate::failures::link_error;

/// How many datagrams are handed over before the streams have their turn.
const DATAGRAMS_PER_TURN: usize = 16;

/// All channels from the peer, read in turn.
///
/// What arrived before the connection ended is handed over before the end is told.
pub(crate) struct Receiver {
    connection: Connection,
    streams: Vec<Arriving>,
    /// The stream that is read first in the next turn.
    first: usize,
    /// What the broker opens towards a client.
    opened: Option<Opened>,
    /// Waits for the end, once no stream would tell of it.
    ended: Option<BoxFuture<'static, ConnectionError>>,
}

struct Opened {
    lanes: BoxStream<'static, Result<RecvStream, ConnectionError>>,
    datagrams: BoxStream<'static, Result<Bytes, ConnectionError>>,
}

/// One stream from the peer.
struct Arriving {
    stream: RecvStream,
    /// None until the byte with the lane's number has arrived.
    channel: Option<Channel>,
    is_finished: bool,
}

/// What one read brought.
type Piece<'a> = (Channel, &'a [u8]);

/// What became of one turn.
enum Turn {
    /// Something was handed over, and more may be there.
    Handed,
    /// The sink wants to pause.
    Paused,
    /// There was nothing.
    Empty,
}

impl Receiver {
    /// The broker's side: control is all that arrives.
    pub(crate) fn of_broker(connection: Connection, control: RecvStream) -> Self {
        let control =
            Arriving { stream: control, channel: Some(Channel::Control), is_finished: false };
        Self { connection, streams: vec![control], first: 0, opened: None, ended: None }
    }

    /// The client's side: lanes and datagrams arrive as well.
    pub(crate) fn of_client(connection: Connection, control: RecvStream) -> Self {
        let lanes = unfold(connection.clone(), |connection| async move {
            let lane = connection.accept_uni().await;
            Some((lane, connection))
        });
        let datagrams = unfold(connection.clone(), |connection| async move {
            let datagram = connection.read_datagram().await;
            Some((datagram, connection))
        });
        let opened = Opened { lanes: lanes.boxed(), datagrams: datagrams.boxed() };
        Self { opened: Some(opened), ..Self::of_broker(connection, control) }
    }

    /// Hands over at most one buffer of each stream, and some datagrams.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
        sink: &mut dyn Sink,
    ) -> Poll<Result<(), LinkError>> {
        // Asked first: all that arrived before the end can be read from then on.
        let end = self.connection.close_reason();
        self.accept_lanes(cx);
        let datagrams = self.hand_over_datagrams(cx, sink);
        if let Turn::Paused = datagrams {
            return Poll::Ready(Ok(()));
        }
        let streams = self.hand_over_streams(cx, buffer, sink)?;
        match (datagrams, streams) {
            (Turn::Empty, Turn::Empty) => match end {
                Some(error) => Poll::Ready(Err(link_error(error))),
                None => self.poll_end(cx),
            },
            _ => Poll::Ready(Ok(())),
        }
    }

    fn accept_lanes(&mut self, cx: &mut Context<'_>) {
        let Some(opened) = &mut self.opened else { return };
        while let Poll::Ready(Some(Ok(stream))) = opened.lanes.poll_next_unpin(cx) {
            self.streams.push(Arriving { stream, channel: None, is_finished: false });
        }
    }

    fn hand_over_datagrams(&mut self, cx: &mut Context<'_>, sink: &mut dyn Sink) -> Turn {
        let Some(opened) = &mut self.opened else { return Turn::Empty };
        let mut turn = Turn::Empty;
        for _ in 0..DATAGRAMS_PER_TURN {
            let Poll::Ready(Some(Ok(datagram))) = opened.datagrams.poll_next_unpin(cx) else {
                return turn;
            };
            turn = Turn::Handed;
            // An empty datagram names no lane: nothing is lost with it.
            let Some((lane, bytes)) = datagram.split_first() else { continue };
            if !sink.receive(Received::Data(Channel::Datagram(*lane), bytes)) {
                return Turn::Paused;
            }
        }
        turn
    }

    fn hand_over_streams(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
        sink: &mut dyn Sink,
    ) -> Result<Turn, LinkError> {
        let (count, first) = (self.streams.len(), self.first);
        let mut turn = Turn::Empty;
        for at in (0..count).map(|step| (first + step) % count) {
            let Poll::Ready(bytes) = self.poll_stream(at, cx, buffer)? else { continue };
            turn = Turn::Handed;
            self.first = at + 1;
            let Some((channel, bytes)) = bytes else { continue };
            if !sink.receive(Received::Data(channel, bytes)) {
                return Ok(Turn::Paused);
            }
        }
        self.streams.retain(|arriving| !arriving.is_finished);
        Ok(turn)
    }

    /// Reads from one stream; `None` if it has finished.
    fn poll_stream<'b>(
        &mut self,
        at: usize,
        cx: &mut Context<'_>,
        buffer: &'b mut [u8],
    ) -> Result<Poll<Option<Piece<'b>>>, LinkError> {
        loop {
            let arriving = &mut self.streams[at];
            let length = match arriving.stream.poll_read(cx, buffer) {
                // What else has arrived comes first; the end is found when nothing is left.
                Poll::Pending | Poll::Ready(Err(ReadError::ConnectionLost(_))) => {
                    return Ok(Poll::Pending);
                }
                Poll::Ready(Err(error)) => return Err(read_error(&error)),
                Poll::Ready(Ok(0)) => {
                    arriving.is_finished = true;
                    return Ok(Poll::Ready(None));
                }
                Poll::Ready(Ok(length)) => length,
            };
            if let Some(channel) = arriving.channel {
                return Ok(Poll::Ready(Some((channel, &buffer[..length]))));
            }
            let channel = self.name_lane(at, buffer[0])?;
            if length > 1 {
                return Ok(Poll::Ready(Some((channel, &buffer[1..length]))));
            }
        }
    }

    fn name_lane(&mut self, at: usize, lane: u8) -> Result<Channel, LinkError> {
        let channel = Channel::Lane(lane);
        if self.streams.iter().any(|other| other.channel == Some(channel) && !other.is_finished) {
            return Err(LinkError::Protocol { reason: format!("lane {lane} has two streams") });
        }
        self.streams[at].channel = Some(channel);
        Ok(channel)
    }

    /// Has the task woken by the end of the connection, where no open stream does.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LinkError>> {
        if !self.streams.is_empty() {
            return Poll::Pending;
        }
        let connection = self.connection.clone();
        let ended =
            self.ended.get_or_insert_with(|| Box::pin(async move { connection.closed().await }));
        ready!(ended.as_mut().poll(cx));
        // The next turn hands over what came last and tells the end.
        self.ended = None;
        Poll::Ready(Ok(()))
    }
}

fn read_error(error: &ReadError) -> LinkError {
    LinkError::Protocol { reason: format!("a stream can't be read: {error}") }
}
