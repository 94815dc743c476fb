//! One connection to a peer.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use broker_load::{Heard, LoadError, LocalFuture, Party};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::protocol::Protocol;
use super::reader::Reader;

/// A connection over TCP that speaks one of the peers' protocols.
#[derive(Debug)]
pub struct TcpParty<P> {
    stream: TcpStream,
    reader: Reader<P>,
    out: Vec<u8>,
    sent: usize,
}

/// The buffer for the server's answers, in bytes; greetings are the longest.
const ANSWER_BYTES_MAX: usize = 16 << 10;

impl<P: Protocol> TcpParty<P> {
    /// Connects, and returns when the server has agreed.
    ///
    /// # Errors
    /// Whatever stands in the way.
    pub async fn open(address: SocketAddr, mut protocol: P) -> Result<Self, LoadError> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let mut out = Vec::new();
        protocol.connect(&mut out);
        let mut party = Self { stream, reader: Reader::new(protocol), out, sent: 0 };
        party.answered().await?;
        Ok(party)
    }

    /// Sends what was appended, and waits for one answer. Messages that come before it are not told
    /// to anybody: a load subscribes first and publishes then.
    async fn answered(&mut self) -> Result<(), LoadError> {
        poll_fn(|cx| self.poll_flush(cx)).await?;
        let mut buffer = vec![0; ANSWER_BYTES_MAX];
        let mut answers = 0;
        while answers == 0 {
            answers = poll_fn(|cx| self.poll_read(cx, &mut buffer, &mut |_| {})).await?;
        }
        Ok(())
    }

    /// Reads once, and tells how many answers came.
    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
        heard: &mut dyn FnMut(Heard<'_>),
    ) -> Poll<Result<u64, LoadError>> {
        let begin = self.reader.begin(buffer)?;
        let mut room = ReadBuf::new(&mut buffer[begin..]);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut room))?;
        let arrived = room.filled().len();
        if arrived == 0 {
            return Poll::Ready(Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()));
        }
        let seen = self.reader.read(&buffer[..begin + arrived])?;
        if seen.count > 0 {
            heard(Heard::Messages { count: seen.count, first: seen.first, last: seen.last });
        }
        for _ in 0..seen.pings {
            self.out.extend_from_slice(self.reader.protocol.pong());
        }
        if seen.pings > 0
            && let Poll::Ready(flushed) = self.poll_flush(cx)
        {
            flushed?;
        }
        Poll::Ready(Ok(seen.answers))
    }
}

impl<P: Protocol> Party for TcpParty<P> {
    fn subscribe<'a>(&'a mut self, topic: &'a str) -> LocalFuture<'a, Result<(), LoadError>> {
        self.reader.protocol.subscribe(topic, &mut self.out);
        Box::pin(self.answered())
    }

    fn publish(&mut self, topic: &str, payload: &[u8]) {
        self.reader.protocol.publish(topic, payload, &mut self.out);
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LoadError>> {
        while self.sent < self.out.len() {
            let bytes = &self.out[self.sent..];
            self.sent += ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        }
        self.out.clear();
        self.sent = 0;
        Poll::Ready(Ok(()))
    }

    fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
        heard: &mut dyn FnMut(Heard<'_>),
    ) -> Poll<Result<(), LoadError>> {
        self.poll_read(cx, buffer, heard).map_ok(|_| ())
    }
}
