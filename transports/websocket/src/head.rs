//! Reads exactly one HTTP head, and nothing that comes after it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How much is read at once, in bytes.
const READ_BYTES: usize = 1024;

/// A stream that yields one HTTP head to the library that does the handshake.
///
/// The library reads ahead and would keep what belongs to the link. This keeps it instead, and
/// bounds the head in bytes.
#[derive(Debug)]
pub(crate) struct HeadStream<S> {
    stream: S,
    head_bytes_max: usize,
    /// All that was read.
    read: Vec<u8>,
    /// How much of it was yielded.
    yielded: usize,
    /// Where the head ends, once that is known.
    end: Option<usize>,
}

impl<S> HeadStream<S> {
    pub(crate) fn new(stream: S, head_bytes_max: usize) -> Self {
        Self { stream, head_bytes_max, read: Vec::new(), yielded: 0, end: None }
    }

    /// The first byte of the head, if there is one.
    pub(crate) fn first_byte(&self) -> Option<u8> {
        self.read.first().copied()
    }

    /// Whether the head is longer than allowed.
    pub(crate) fn is_too_long(&self) -> bool {
        self.end.unwrap_or(self.read.len()) > self.head_bytes_max
    }

    /// Takes it apart: the stream, and what was read past the head.
    pub(crate) fn into_parts(mut self) -> (S, Vec<u8>) {
        let early = self.read.split_off(self.yielded);
        (self.stream, early)
    }
}

impl<S: AsyncRead + Unpin> HeadStream<S> {
    /// Whether to read before anything is yielded. What looks like HTTP is yielded when all of it
    /// is there, for the library begins anew with each piece; what doesn't is turned away at once.
    fn needs_more(&self) -> bool {
        let looks_like_http = self.first_byte().is_none_or(|first| first.is_ascii_uppercase());
        let is_complete = self.end.is_some() || self.is_too_long() || !looks_like_http;
        !is_complete || self.yielded == self.read.len()
    }

    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut bytes = [0; READ_BYTES];
        let mut buffer = ReadBuf::new(&mut bytes);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
        let searched = self.read.len();
        self.read.extend_from_slice(buffer.filled());
        self.end = end_of_head(&self.read, searched);
        Poll::Ready(Ok(buffer.filled().len()))
    }
}

/// Finds the empty line that ends a head, the line ends being written as `\r\n` or `\n`. What lies
/// before `searched` is known not to hold the end.
fn end_of_head(bytes: &[u8], searched: usize) -> Option<usize> {
    let from = searched.saturating_sub(2);
    let newlines = (from..bytes.len()).filter(|at| bytes[*at] == b'\n');
    newlines.map(|at| at + 1).find(|end| {
        let line = &bytes[..end - 1];
        line.ends_with(b"\n") || line.ends_with(b"\n\r")
    })
}

impl<S: AsyncRead + Unpin> AsyncRead for HeadStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.needs_more() {
            if ready!(self.poll_more(cx))? == 0 {
                return Poll::Ready(Ok(()));
            }
        }
        if self.is_too_long() {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, "head too long")));
        }
        let end = self.end.unwrap_or(self.read.len());
        let piece = (end - self.yielded).min(buffer.remaining());
        let from = self.yielded;
        buffer.put_slice(&self.read[from..from + piece]);
        self.yielded += piece;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for HeadStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_ends_at_its_empty_line_however_that_is_cut() {
        for head in ["GET / HTTP/1.1\r\nA: b\r\n\r\n", "GET / HTTP/1.1\nA: b\n\n"] {
            let bytes = [head.as_bytes(), b"more\r\n\r\n"].concat();
            assert_eq!(end_of_head(&bytes[..head.len() - 1], 0), None);
            for searched in 0..head.len() {
                assert_eq!(end_of_head(&bytes, searched), Some(head.len()), "{searched}");
            }
        }
    }
}
