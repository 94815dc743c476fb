//! One client's socket: what is written leaves with one system call, or waits.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;

use broker_protocol::Codec;
use broker_protocol::frame::{BrokerFrame, LaneHeader};
use bytes::BytesMut;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use rustls::ServerConnection;
use transport_websocket::reader::{Kinds, Reader, Role, Rules};

use super::frame::{BINARY, CLOSE, HEADER_BYTES_MAX, PONG, with_header};
use super::source::{Source, read_tls};
use crate::hub::{FRAME_BYTES_MAX, Way};

/// The status of an end in good order (RFC 6455 §7.4.1), as the payload of a close frame.
const NORMAL: [u8; 2] = 1000_u16.to_be_bytes();

/// A client's socket.
pub(super) struct Connection {
    tcp: TcpStream,
    tls: Option<Box<ServerConnection>>,
    reader: Reader,
    /// What came with the handshake and isn't read yet.
    early: Vec<u8>,
    /// What the socket didn't take, of which `waiting_sent` bytes have left since. Not bounded. With
    /// TLS the session keeps it.
    waiting: Vec<u8>,
    waiting_sent: usize,
    /// The lane to which what was written last belongs.
    lane: u8,
    is_closing: bool,
}

/// What a read brought.
pub(super) enum Arrived {
    /// Nothing is there.
    Nothing,
    /// Something, and whether that is all there was.
    Bytes { length: usize, is_all: bool },
    /// Nothing will come any more.
    End,
}

impl Connection {
    pub(super) fn new(
        tcp: std::net::TcpStream,
        tls: Option<Box<ServerConnection>>,
        early: Vec<u8>,
    ) -> io::Result<Self> {
        tcp.set_nonblocking(true)?;
        let tcp = TcpStream::from_std(tcp);
        Ok(Self {
            tcp,
            tls,
            reader: new_reader(),
            early,
            waiting: Vec::new(),
            waiting_sent: 0,
            lane: 0,
            is_closing: false,
        })
    }

    /// Has the system tell of the socket.
    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut self.tcp, token, Interest::READABLE | Interest::WRITABLE)
    }

    /// Lends the reader, to be put back.
    pub(super) fn take_reader(&mut self) -> Reader {
        std::mem::replace(&mut self.reader, new_reader())
    }

    pub(super) fn put_reader(&mut self, reader: Reader) {
        self.reader = reader;
    }

    /// Reads once.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<Arrived> {
        if !self.early.is_empty() {
            let length = self.early.len().min(buffer.len());
            buffer[..length].copy_from_slice(&self.early[..length]);
            self.early.drain(..length);
            return Ok(Arrived::Bytes { length, is_all: false });
        }
        let mut source = Source::new(&self.tcp);
        let read = match &mut self.tls {
            Some(session) => read_tls(session, &mut source, buffer),
            None => source.read(buffer),
        };
        let is_all = source.is_empty();
        Ok(match unless_blocked(read)? {
            None => Arrived::Nothing,
            Some(0) => Arrived::End,
            // What is behind a full buffer may be held here.
            Some(length) => Arrived::Bytes { length, is_all: is_all && length < buffer.len() },
        })
    }

    /// Whether the socket takes no more.
    fn is_blocked(&self) -> bool {
        match &self.tls {
            Some(session) => session.wants_write(),
            None => !self.waiting.is_empty(),
        }
    }

    /// Writes what waits, as far as the socket takes it. An error shows when it is read.
    pub(super) fn flush(&mut self) {
        if let Some(session) = &mut self.tls {
            while session.wants_write() && session.write_tls(&mut &self.tcp).is_ok() {}
        }
        while let rest @ [_, ..] = &self.waiting[self.waiting_sent..] {
            let Ok(length) = (&self.tcp).write(rest) else { return };
            self.waiting_sent += length;
        }
        self.waiting.clear();
        self.waiting_sent = 0;
        if self.is_closing && !self.is_blocked() {
            // Fails only where there is nobody to tell.
            let _ = self.tcp.shutdown(Shutdown::Write);
        }
    }

    /// Writes whole frames, or keeps what the socket doesn't take.
    fn write(&mut self, frames: &[u8]) {
        let is_blocked = self.is_blocked();
        if let Some(session) = &mut self.tls {
            // Without a limit of its own the session takes everything.
            let _ = session.writer().write_all(frames);
            if !is_blocked {
                self.flush();
            }
            return;
        }
        let length = if is_blocked { 0 } else { (&self.tcp).write(frames).unwrap_or(0) };
        self.waiting.extend_from_slice(&frames[length..]);
    }

    /// Answers a ping.
    pub(super) fn pong(&mut self, payload: &[u8]) {
        self.write_frame(PONG, payload);
    }

    /// Says goodbye; the client closes.
    pub(super) fn close(&mut self) {
        if std::mem::replace(&mut self.is_closing, true) {
            return;
        }
        self.write_frame(CLOSE, &NORMAL);
        if let Some(session) = &mut self.tls {
            session.send_close_notify();
        }
        self.flush();
    }

    /// Says to which lane belongs what follows, if it is another than before.
    fn turn_to(&mut self, lane: u8) {
        if self.lane != lane {
            self.lane = lane;
            let mut frame = BytesMut::new();
            let header = BrokerFrame::Lane(LaneHeader { lane, subscription: None });
            Codec::Bincode.write_broker(&header, &mut frame);
            self.write_frame(BINARY, &frame);
        }
    }

    fn write_frame(&mut self, first: u8, payload: &[u8]) {
        let mut frame = BytesMut::zeroed(HEADER_BYTES_MAX);
        frame.extend_from_slice(payload);
        self.write(with_header(first, &mut frame));
    }
}

impl Way for Connection {
    const HEADROOM: usize = HEADER_BYTES_MAX;

    type Sealed<'a> = &'a [u8];

    fn seal(run: &mut BytesMut) -> &[u8] {
        with_header(BINARY, run)
    }

    fn open(&mut self, _lane: u8) -> bool {
        true
    }

    fn send(&mut self, lane: u8, run: &&[u8]) {
        self.turn_to(lane);
        self.write(run);
    }

    fn answer_in_lane(&mut self, lane: u8, frames: &[u8]) {
        self.turn_to(lane);
        self.write_frame(BINARY, frames);
    }

    fn answer(&mut self, frames: &[u8]) {
        self.write_frame(BINARY, frames);
    }
}

fn new_reader() -> Reader {
    let rules =
        Rules { role: Role::Server, kinds: Kinds::Binary, message_bytes_max: FRAME_BYTES_MAX };
    Reader::new(rules)
}

/// What a call brought, or `None` if it would have had to wait.
fn unless_blocked<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        result => result.map(Some),
    }
}
