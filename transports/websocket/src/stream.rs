//! What a link reads from and writes to: TCP, with or without TLS.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

#[cfg(target_os = "linux")]
use tokio::io::Interest;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::tls::TlsStream;

/// A connected socket, as a link needs it: writing never waits and wakes no task.
#[derive(Debug)]
pub(crate) enum Stream {
    Plain(TcpStream),
    /// Boxed, for the sake of those without.
    Tls(Box<TlsStream>),
}

impl Stream {
    pub(crate) fn is_tls(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(tcp) => tcp,
            Self::Tls(tls) => tls.tcp(),
        }
    }

    /// Reads what has arrived; 0 bytes mean that the peer has said all.
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(tcp) => {
                let mut buffer = ReadBuf::new(buffer);
                Pin::new(tcp).poll_read(cx, &mut buffer).map_ok(|()| buffer.filled().len())
            }
            Self::Tls(tls) => tls.poll_read(cx, buffer),
        }
    }

    /// Writes the two pieces one after the other, as far as there is room. Returns how many bytes
    /// were taken, which is 0 when there is none.
    pub(crate) fn try_write(&mut self, first: &[u8], second: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => none_if_blocked(match second {
                [] => try_send(tcp, first),
                second => tcp.try_write_vectored(&[IoSlice::new(first), IoSlice::new(second)]),
            }),
            Self::Tls(tls) => tls.try_write(first, second),
        }
    }

    /// Moves on what was taken and isn't with the system. Returns whether nothing is left.
    pub(crate) fn try_flush(&mut self) -> io::Result<bool> {
        match self {
            Self::Plain(_) => Ok(true),
            Self::Tls(tls) => tls.try_flush(),
        }
    }

    /// Whether all that was taken is with the system.
    pub(crate) fn is_flushed(&self) -> bool {
        match self {
            Self::Plain(_) => true,
            Self::Tls(tls) => tls.is_flushed(),
        }
    }

    /// Bytes that were taken and are not with the system.
    pub(crate) fn unsent(&self) -> usize {
        match self {
            Self::Plain(_) => 0,
            Self::Tls(tls) => tls.unsent(),
        }
    }

    /// Waits until the system has room.
    pub(crate) fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.tcp().poll_write_ready(cx)
    }

    /// Says in TLS that nothing more comes; it leaves with the next flush.
    pub(crate) fn announce_end(&mut self) {
        if let Self::Tls(tls) = self {
            tls.announce_end();
        }
    }

    /// Tells the peer's system that nothing more comes.
    pub(crate) fn shut_down(&mut self) {
        let tcp = match self {
            Self::Plain(tcp) => tcp,
            Self::Tls(tls) => tls.tcp_mut(),
        };
        // Never waits on TCP, and fails only where there is nobody to tell.
        let _ = Pin::new(tcp).poll_shutdown(&mut Context::from_waker(std::task::Waker::noop()));
    }
}

/// Writes to a socket without waiting.
///
/// By the system call itself: the C library's `send` is a place where a thread may be cancelled,
/// and saying so costs a few per cent of a small write.
#[cfg(target_os = "linux")]
fn try_send(tcp: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    use rustix::net::SendFlags;

    tcp.try_io(Interest::WRITABLE, || Ok(rustix::net::send(tcp, bytes, SendFlags::NOSIGNAL)?))
}

#[cfg(not(target_os = "linux"))]
fn try_send(tcp: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    tcp.try_write(bytes)
}

/// Turns "it would block" into "nothing was taken".
pub(crate) fn none_if_blocked(result: io::Result<usize>) -> io::Result<usize> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        result => result,
    }
}

/// What is left of two pieces, the second behind the first, when `taken` bytes are taken.
pub(crate) fn after<'a>(first: &'a [u8], second: &'a [u8], taken: usize) -> (&'a [u8], &'a [u8]) {
    match taken.checked_sub(first.len()) {
        Some(taken) => (&[], &second[taken..]),
        None => (&first[taken..], second),
    }
}
