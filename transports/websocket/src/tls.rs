//! TLS over a TCP socket after its handshake, without waiting and without waking tasks.
//!
//! The async wrapper that does the handshake registers a waker with every write. This keeps its
//! two halves, the socket and the cipher, and moves the bytes between them itself.

use std::io::{self, IoSlice, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::rustls::Connection;

use crate::stream::{after, none_if_blocked};

/// The most that the cipher holds of what the socket didn't take, in bytes.
const CIPHER_BYTES_MAX: usize = 64 * 1024;

/// A TLS session and its socket.
#[derive(Debug)]
pub(crate) struct TlsStream {
    tcp: TcpStream,
    session: Connection,
    /// Bytes of plain text that the cipher holds for the socket, a few less.
    unsent: usize,
}

impl TlsStream {
    /// Takes over after the handshake.
    pub(crate) fn new(tcp: TcpStream, session: impl Into<Connection>) -> Self {
        let mut session = session.into();
        session.set_buffer_limit(Some(CIPHER_BYTES_MAX));
        Self { tcp, session, unsent: 0 }
    }

    pub(crate) fn tcp(&self) -> &TcpStream {
        &self.tcp
    }

    pub(crate) fn tcp_mut(&mut self) -> &mut TcpStream {
        &mut self.tcp
    }

    /// Whether the cipher holds nothing for the socket.
    pub(crate) fn is_flushed(&self) -> bool {
        !self.session.wants_write()
    }

    /// Bytes of plain text that the cipher holds for the socket. What it adds to them isn't known,
    /// so that it is a few less; 0 only if nothing is held.
    pub(crate) fn unsent(&self) -> usize {
        if self.is_flushed() { 0 } else { self.unsent.max(1) }
    }

    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            match self.session.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
            match self.session.read_tls(&mut ReadSide { tcp: &mut self.tcp, cx }) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
                result => result?,
            };
            let processed = self.session.process_new_packets();
            // Answers of the session's own, such as an alert or a new key.
            let flushed = self.try_flush();
            processed.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            flushed?;
        }
    }

    /// Hands two pieces to the cipher as one, and on to the socket as far as it takes them.
    pub(crate) fn try_write(&mut self, first: &[u8], second: &[u8]) -> io::Result<usize> {
        let total = first.len() + second.len();
        let mut taken = 0;
        while taken < total {
            let (first, second) = after(first, second, taken);
            let piece = self.encrypt(first, second)?;
            self.unsent += piece;
            taken += piece;
            if !self.try_flush()? && piece == 0 {
                break;
            }
        }
        Ok(taken)
    }

    fn encrypt(&mut self, first: &[u8], second: &[u8]) -> io::Result<usize> {
        match (first, second) {
            // Two pieces are listed in memory that is asked for each time.
            (one, []) | ([], one) => self.session.writer().write(one),
            _ => {
                let pieces = [IoSlice::new(first), IoSlice::new(second)];
                self.session.writer().write_vectored(&pieces)
            }
        }
    }

    pub(crate) fn try_flush(&mut self) -> io::Result<bool> {
        while self.session.wants_write() {
            let sent = none_if_blocked(self.session.write_tls(&mut WriteSide(&self.tcp)))?;
            if sent == 0 {
                return Ok(false);
            }
            self.unsent = self.unsent.saturating_sub(sent);
        }
        self.unsent = 0;
        Ok(true)
    }

    pub(crate) fn announce_end(&mut self) {
        self.session.send_close_notify();
    }
}

/// Reads from the socket for the cipher; waits by the context's waker.
struct ReadSide<'a, 'b> {
    tcp: &'a mut TcpStream,
    cx: &'a mut Context<'b>,
}

impl Read for ReadSide<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut buffer = ReadBuf::new(buffer);
        match Pin::new(&mut *self.tcp).poll_read(self.cx, &mut buffer) {
            Poll::Ready(result) => result.map(|()| buffer.filled().len()),
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

/// Writes to the socket for the cipher; never waits.
struct WriteSide<'a>(&'a TcpStream);

impl Write for WriteSide<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    /// Nearly always one record is written, for which the system has a shorter way.
    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match slices {
            [record] => self.0.try_write(record),
            records => self.0.try_write_vectored(records),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
