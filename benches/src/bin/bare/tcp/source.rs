//! Reading, with a note on whether there may be more: the system tells of it only once.

use std::io::{self, ErrorKind, Read};

use mio::net::TcpStream;
use rustls::ServerConnection;

/// Reads from a socket and notes whether it is empty: it is, if it has less than was asked for.
pub(super) struct Source<'a> {
    tcp: &'a TcpStream,
    is_empty: bool,
}

impl<'a> Source<'a> {
    pub(super) fn new(tcp: &'a TcpStream) -> Self {
        Self { tcp, is_empty: false }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.is_empty
    }
}

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.tcp.read(buffer)?;
        self.is_empty = length < buffer.len();
        Ok(length)
    }
}

/// Reads plain text of a session, over the socket where none is there yet.
pub(super) fn read_tls(
    session: &mut ServerConnection,
    source: &mut Source<'_>,
    buffer: &mut [u8],
) -> io::Result<usize> {
    loop {
        match session.reader().read(buffer) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            read => return read,
        }
        session.read_tls(source)?;
        session.process_new_packets().map_err(io::Error::other)?;
    }
}
