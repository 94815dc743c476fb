//! WebSocket, with and without TLS: one thread that waits for events.

mod connection;
mod frame;
mod source;
mod upgrade;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use broker_protocol::frames_in_packet;
use mio::event::Event;
use mio::{Events, Interest, Poll, Token};
use rustls::ServerConfig;
use transport_websocket::reader;

use crate::hub::{FRAME_BYTES_MAX, Hub};
use connection::{Arrived, Connection};
use upgrade::upgrade;

/// Stands for the listener; clients have their ids.
const LISTENER: Token = Token(usize::MAX);
/// How many events are taken at a time.
const EVENTS: usize = 1024;
/// How much is read at a time, in bytes.
const BUFFER_BYTES: usize = 64 * 1024;

/// Listens, without waiting for anybody.
pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Serves until the process is ended.
///
/// # Errors
/// If the system doesn't let it wait for events.
pub(crate) fn serve(listener: TcpListener, tls: Option<Arc<ServerConfig>>) -> anyhow::Result<()> {
    let poll = Poll::new()?;
    let mut registered = mio::net::TcpListener::from_std(listener.try_clone()?);
    poll.registry().register(&mut registered, LISTENER, Interest::READABLE)?;
    let (buffer, unread) = (vec![0; BUFFER_BYTES], Vec::new());
    let mut server = Server { poll, listener, tls, hub: Hub::new(), buffer, unread };
    let mut events = Events::with_capacity(EVENTS);
    loop {
        server.turn(&mut events)?;
    }
}

struct Server {
    poll: Poll,
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    hub: Hub<Connection>,
    buffer: Vec<u8>,
    /// Clients of which more may have arrived: the system tells of it only once.
    unread: Vec<usize>,
}

impl Server {
    fn turn(&mut self, events: &mut Events) -> anyhow::Result<()> {
        let patience = (!self.unread.is_empty()).then_some(Duration::ZERO);
        match self.poll.poll(events, patience) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            polled => polled?,
        }
        for id in std::mem::take(&mut self.unread) {
            self.read(id);
        }
        for event in &*events {
            match event.token() {
                LISTENER => self.accept_all(),
                Token(id) => self.ready(id, event),
            }
        }
        Ok(())
    }

    fn ready(&mut self, id: usize, event: &Event) {
        if event.is_writable()
            && let Some(connection) = self.hub.way(id)
        {
            connection.flush();
        }
        if event.is_readable() {
            self.read(id);
        }
    }

    fn accept_all(&mut self) {
        loop {
            match self.accept() {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => eprintln!("a client didn't come in: {error:#}"),
            }
        }
    }

    /// Lets in one client that waits, if there is one. The handshake holds up everybody.
    fn accept(&mut self) -> anyhow::Result<bool> {
        let tcp = match self.listener.accept() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            accepted => accepted?.0,
        };
        let connection = upgrade(tcp, self.tls.as_ref()).context("no handshake")?;
        let id = self.hub.join(connection);
        let connection = self.hub.way(id).context("it came in just now")?;
        connection.register(self.poll.registry(), Token(id))?;
        self.unread.push(id);
        Ok(true)
    }

    /// Reads once, and does what is asked there.
    fn read(&mut self, id: usize) {
        let Some(connection) = self.hub.way(id) else { return };
        let length = match connection.read(&mut self.buffer) {
            Ok(Arrived::Bytes { length, is_all }) => {
                if !is_all {
                    self.unread.push(id);
                }
                length
            }
            Ok(Arrived::Nothing) => return,
            Ok(Arrived::End) | Err(_) => return drop(self.hub.leave(id)),
        };
        if let Err(error) = self.hear(id, length) {
            eprintln!("client {id}: {error:#}");
            self.hub.leave(id);
        }
    }

    fn hear(&mut self, id: usize, length: usize) -> anyhow::Result<()> {
        let Self { hub, buffer, .. } = self;
        let mut reader = hub.way(id).context("it was read just now")?.take_reader();
        let mut heard = Ok(());
        let mut take = |event: reader::Event<'_>| {
            match event {
                reader::Event::Message { bytes, .. } => heard = hear_packet(hub, id, bytes),
                reader::Event::Ping(payload) => {
                    hub.way(id).into_iter().for_each(|connection| connection.pong(payload));
                }
                reader::Event::Pong(_) | reader::Event::Close { .. } => {}
            }
            heard.is_ok()
        };
        reader.read(&mut buffer[..length], &mut take)?;
        heard?;
        hub.flush(id);
        let (has_closed, is_leaving) = (reader.is_ended(), hub.is_leaving(id));
        let connection = hub.way(id).context("it was read just now")?;
        connection.put_reader(reader);
        if has_closed || is_leaving {
            connection.close();
        }
        Ok(())
    }
}

fn hear_packet(hub: &mut Hub<Connection>, id: usize, packet: &[u8]) -> anyhow::Result<()> {
    for frame in frames_in_packet(broker_protocol::Codec::Bincode, packet, FRAME_BYTES_MAX) {
        hub.hear(id, frame?)?;
    }
    Ok(())
}
