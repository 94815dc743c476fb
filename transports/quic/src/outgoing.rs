//! One channel towards the peer: a stream, and what it did not take of one packet.

use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use futures_util::future::poll_fn;
use quinn::{Connection, ConnectionError, SendStream, WriteError};
use transport_api::{LinkError, Packet, Sent};

use crate::copies::copy_of;
use crate::failures::link_error;

type Opening = Pin<Box<dyn Future<Output = Result<SendStream, ConnectionError>> + Send>>;

/// From this many bytes on a packet is kept by reference until the peer has acknowledged it. A
/// smaller one is copied, once for all who get it: it would pin all of the memory that it is a part
/// of, for each packet another one, as long as a peer stalls.
const SHARED_BYTES_MIN: usize = 16 * 1024;

/// One channel towards the peer.
///
/// It holds at most one packet.
pub(crate) struct Outgoing {
    stream: Stream,
    /// The lane's number, until the stream has begun with it.
    lane: Option<u8>,
    /// The lane's number and the packet, as far as the stream hasn't taken them.
    rest: [Bytes; 2],
}

enum Stream {
    Opening(Opening),
    Open(SendStream),
}

impl Outgoing {
    /// The channel that is the sending half of an open stream.
    pub(crate) fn control(stream: SendStream) -> Self {
        Self { stream: Stream::Open(stream), lane: None, rest: Default::default() }
    }

    /// The channel of a lane, whose stream is opened as soon as the peer allows it.
    pub(crate) fn lane(connection: Connection, lane: u8) -> Self {
        let opening = Box::pin(async move { connection.open_uni().await });
        Self { stream: Stream::Opening(opening), lane: Some(lane), rest: Default::default() }
    }

    /// Takes a packet, unless part of another one still waits.
    pub(crate) fn try_send(&mut self, packet: &Packet<'_>) -> Result<Sent, LinkError> {
        if self.is_blocked() {
            return Ok(Sent::Refused);
        }
        if let Some(lane) = self.lane.take() {
            self.rest[0] = Bytes::copy_from_slice(&[lane]);
        }
        self.rest[1] = match packet.len() < SHARED_BYTES_MIN {
            true => copy_of(packet),
            false => packet.to_bytes(),
        };
        match self.poll_flush(&mut Context::from_waker(Waker::noop()))? {
            Poll::Ready(()) => Ok(Sent::Taken),
            Poll::Pending => Ok(Sent::TakenAndBlocked),
        }
    }

    pub(crate) fn is_blocked(&self) -> bool {
        self.unsent() > 0
    }

    /// Bytes that the stream has not taken yet.
    pub(crate) fn unsent(&self) -> usize {
        self.rest.iter().map(Bytes::len).sum()
    }

    /// Waits until the stream has taken everything.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LinkError>> {
        while self.is_blocked() {
            match &mut self.stream {
                Stream::Opening(opening) => {
                    let stream = ready!(opening.as_mut().poll(cx)).map_err(link_error)?;
                    self.stream = Stream::Open(stream);
                }
                Stream::Open(stream) => {
                    let write = pin!(stream.write_chunks(&mut self.rest));
                    ready!(write.poll(cx)).map_err(write_error)?;
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Sends what waits, ends the stream and waits until the peer has all of it, or is gone.
    pub(crate) async fn finish(mut self) {
        if poll_fn(|cx| self.poll_flush(cx)).await.is_err() {
            return;
        }
        if let Stream::Open(mut stream) = self.stream {
            // Fails only on a stream that has ended already.
            let _ = stream.finish();
            let _ = stream.stopped().await;
        }
    }
}

fn write_error(error: WriteError) -> LinkError {
    match error {
        WriteError::ConnectionLost(error) => link_error(error),
        WriteError::Stopped(code) => {
            let reason = format!("it stopped a stream (code {code}) instead of closing the link");
            LinkError::Protocol { reason }
        }
        WriteError::ClosedStream | WriteError::ZeroRttRejected => LinkError::ClosedHere,
    }
}
