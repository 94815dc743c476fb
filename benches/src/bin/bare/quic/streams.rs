//! One client's streams: what is written is handed to QUIC at once, or waits.

use std::collections::VecDeque;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};
use quinn::{Connection, SendStream};

use crate::hub::Way;

/// All streams to a client.
pub(super) struct Streams {
    connection: Connection,
    control: Stream,
    /// Those that are open, in the order in which they were opened.
    lanes: Vec<(u8, Stream)>,
    /// Wakes the client's task, in which what waits is written.
    waker: Option<Waker>,
}

impl Streams {
    pub(super) fn new(connection: Connection, control: SendStream) -> Self {
        Self { connection, control: Stream::new(control), lanes: Vec::new(), waker: None }
    }

    /// Writes what waits, as far as QUIC takes it, and has the task woken for the rest.
    pub(super) fn flush(&mut self, cx: &mut Context<'_>) {
        self.control.flush(cx);
        self.lanes.iter_mut().for_each(|(_, stream)| stream.flush(cx));
        self.waker = Some(cx.waker().clone());
    }

    /// Ends all streams and waits until the client has all of them, or is gone.
    pub(super) async fn finish(self) {
        let lanes = self.lanes.into_iter().map(|(_, stream)| stream);
        let mut streams: Vec<_> = lanes.chain([self.control]).collect();
        for Stream { stream, .. } in &mut streams {
            // Fails only on a stream that has ended already.
            let _ = stream.finish();
        }
        for Stream { stream, .. } in &mut streams {
            let _ = stream.stopped().await;
        }
    }

    fn lane(&mut self, lane: u8) -> Option<&mut Stream> {
        self.lanes.iter_mut().find(|(number, _)| *number == lane).map(|(_, stream)| stream)
    }

    fn wake_if(&mut self, has_to_wait: bool) {
        if has_to_wait && let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

impl Way for Streams {
    const HEADROOM: usize = 0;

    type Sealed<'a> = Bytes;

    fn seal(run: &mut BytesMut) -> Bytes {
        run.split().freeze()
    }

    fn open(&mut self, lane: u8) -> bool {
        if self.lane(lane).is_some() {
            return true;
        }
        // Waits only for what the client doesn't allow.
        let mut cx = Context::from_waker(Waker::noop());
        let opened = pin!(self.connection.open_uni()).poll(&mut cx);
        let Poll::Ready(Ok(stream)) = opened else { return false };
        let mut stream = Stream::new(stream);
        // The first byte is the number of the lane.
        let has_to_wait = stream.write(Bytes::copy_from_slice(&[lane]));
        self.lanes.push((lane, stream));
        self.wake_if(has_to_wait);
        true
    }

    fn send(&mut self, lane: u8, run: &Bytes) {
        let has_to_wait = self.lane(lane).is_some_and(|stream| stream.write(run.clone()));
        self.wake_if(has_to_wait);
    }

    fn answer_in_lane(&mut self, lane: u8, frames: &[u8]) {
        self.send(lane, &Bytes::copy_from_slice(frames));
    }

    fn answer(&mut self, frames: &[u8]) {
        let has_to_wait = self.control.write(Bytes::copy_from_slice(frames));
        self.wake_if(has_to_wait);
    }
}

/// A stream, and what it didn't take. Not bounded.
struct Stream {
    stream: SendStream,
    waiting: VecDeque<Bytes>,
}

impl Stream {
    fn new(stream: SendStream) -> Self {
        Self { stream, waiting: VecDeque::new() }
    }

    /// Writes a chunk, or keeps what isn't taken of it. Returns whether the first has to wait.
    fn write(&mut self, chunk: Bytes) -> bool {
        let was_free = self.waiting.is_empty();
        self.waiting.push_back(chunk);
        if was_free {
            self.flush(&mut Context::from_waker(Waker::noop()));
        }
        was_free && !self.waiting.is_empty()
    }

    /// Writes what waits. An error shows when the client is read.
    fn flush(&mut self, cx: &mut Context<'_>) {
        while !self.waiting.is_empty() {
            let chunks = self.waiting.make_contiguous();
            let written = pin!(self.stream.write_chunks(chunks)).poll(cx);
            match written {
                Poll::Ready(Ok(written)) => drop(self.waiting.drain(..written.chunks)),
                Poll::Ready(Err(_)) => self.waiting.clear(),
                Poll::Pending => return,
            }
        }
    }
}
