//! A narrow way to a broker: a relay that forwards so many bytes a second to the client.
//!
//! Little waits in the relay, so that what is old was old before it got there. The other direction
//! is as fast as it comes.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UdpSocket, UnixListener, UnixStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::{Place, Transport};

/// What the sockets of the relay hold towards the broker, in bytes; the system doubles it.
const SOCKET_BYTES: u32 = 8 << 10;

/// What is forwarded at a time, in bytes.
const PIECE_BYTES: usize = 500;

/// Datagrams that wait in front of a narrow way; what comes above is lost, as in a router.
const DATAGRAMS: usize = 8;

/// The largest datagram, in bytes.
const DATAGRAM_BYTES_MAX: usize = 2 << 10;

/// A narrow way to a broker. Ends when it is dropped.
#[derive(Debug)]
pub struct Narrow {
    /// Where it begins.
    pub place: Place,
    is_open: watch::Sender<bool>,
    _relay: JoinSet<io::Result<()>>,
    _directory: TempDir,
}

impl Narrow {
    /// Opens a way to `place` that carries so many bytes a second to the client.
    ///
    /// # Errors
    /// Whatever stands in the way.
    ///
    /// # Panics
    /// Over memory: its links can be made to misbehave without a relay.
    pub async fn open(over: Transport, place: &Place, bytes_per_second: u32) -> io::Result<Self> {
        let directory = tempfile::tempdir()?;
        let mut relay = JoinSet::new();
        let (is_open, opened) = watch::channel(true);
        let url = match over {
            Transport::Memory => panic!("a memory network needs no relay"),
            Transport::WebSocket | Transport::SecureWebSocket => {
                let broker = address(place)?;
                let listener = TcpListener::bind(any_port()).await?;
                let address = listener.local_addr()?;
                relay.spawn(relay_tcp(listener, broker, bytes_per_second, opened));
                let scheme = place.url.split(':').next().unwrap_or_default();
                format!("{scheme}://{address}")
            }
            Transport::Quic => {
                let (here, there) = (UdpSocket::bind(any_port()).await?, udp(place).await?);
                let address = here.local_addr()?;
                relay.spawn(relay_udp(here, there, bytes_per_second));
                format!("quic://{address}")
            }
            Transport::Unix => {
                let path = directory.path().join("narrow");
                let listener = UnixListener::bind(&path)?;
                let broker = place.url.trim_start_matches("unix:").to_owned();
                relay.spawn(relay_unix(listener, broker, bytes_per_second));
                format!("unix:{}", path.display())
            }
        };
        let place = place.by_way_of(url);
        Ok(Self { place, is_open, _relay: relay, _directory: directory })
    }

    /// Cuts what goes through, and lets nobody through until it is opened again. WebSocket only.
    pub fn close(&self) {
        self.is_open.send_replace(false);
    }

    /// Lets them through again.
    pub fn reopen(&self) {
        self.is_open.send_replace(true);
    }
}

async fn relay_tcp(
    listener: TcpListener,
    broker: SocketAddr,
    bytes_per_second: u32,
    mut opened: watch::Receiver<bool>,
) -> io::Result<()> {
    let mut links = JoinSet::new();
    loop {
        let (client, _) = tokio::select! {
            accepted = listener.accept() => accepted?,
            Ok(()) = opened.changed() => {
                links.abort_all();
                continue;
            }
        };
        if !*opened.borrow() {
            continue;
        }
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(SOCKET_BYTES)?;
        let broker: TcpStream = socket.connect(broker).await?;
        client.set_nodelay(true)?;
        broker.set_nodelay(true)?;
        let ((from, to), (back, forth)) = (broker.into_split(), client.into_split());
        links.spawn(relay_stream((from, forth), (back, to), bytes_per_second));
    }
}

async fn relay_unix(
    listener: UnixListener,
    broker: String,
    bytes_per_second: u32,
) -> io::Result<()> {
    let mut links = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await?;
        let broker = UnixStream::connect(&broker).await?;
        let ((from, to), (back, forth)) = (broker.into_split(), client.into_split());
        links.spawn(relay_stream((from, forth), (back, to), bytes_per_second));
    }
}

async fn relay_stream(
    to_client: (impl AsyncRead + Unpin, impl AsyncWrite + Unpin),
    to_broker: (impl AsyncRead + Unpin, impl AsyncWrite + Unpin),
    bytes_per_second: u32,
) -> io::Result<()> {
    let (mut back, mut to) = to_broker;
    tokio::select! {
        ended = forward(to_client, bytes_per_second) => ended,
        ended = tokio::io::copy(&mut back, &mut to) => ended.map(drop),
    }
}

async fn forward(
    (mut from, mut to): (impl AsyncRead + Unpin, impl AsyncWrite + Unpin),
    bytes_per_second: u32,
) -> io::Result<()> {
    let mut piece = [0; PIECE_BYTES];
    let mut pace = Pace::new(bytes_per_second);
    loop {
        let length = from.read(&mut piece).await?;
        if length == 0 {
            return Ok(());
        }
        pace.take(length).await;
        to.write_all(&piece[..length]).await?;
    }
}

/// Relays for one client: who sent last is it.
async fn relay_udp(here: UdpSocket, there: UdpSocket, bytes_per_second: u32) -> io::Result<()> {
    let client = Arc::new(OnceLock::new());
    let (waiting, mut next) = mpsc::channel::<Vec<u8>>(DATAGRAMS);
    let to_broker = async {
        let mut datagram = [0; DATAGRAM_BYTES_MAX];
        loop {
            let (length, from) = here.recv_from(&mut datagram).await?;
            client.get_or_init(|| from);
            there.send(&datagram[..length]).await?;
        }
    };
    let from_broker = async {
        let mut datagram = [0; DATAGRAM_BYTES_MAX];
        loop {
            let length = there.recv(&mut datagram).await?;
            // Lost when the queue is full.
            let _ = waiting.try_send(datagram[..length].to_vec());
        }
    };
    let to_client = async {
        let mut pace = Pace::new(bytes_per_second);
        while let (Some(datagram), Some(client)) = (next.recv().await, client.get()) {
            pace.take(datagram.len()).await;
            here.send_to(&datagram, client).await?;
        }
        Ok(())
    };
    tokio::select! {
        ended = to_broker => ended,
        ended = from_broker => ended,
        ended = to_client => ended,
    }
}

/// When the way is free again.
struct Pace {
    bytes_per_second: u32,
    free: Instant,
}

impl Pace {
    fn new(bytes_per_second: u32) -> Self {
        Self { bytes_per_second, free: Instant::now() }
    }

    /// Waits as long as so many bytes take.
    async fn take(&mut self, bytes: usize) {
        let takes = Duration::from_secs_f64(bytes as f64 / f64::from(self.bytes_per_second));
        self.free = self.free.max(Instant::now()) + takes;
        sleep_until(self.free).await;
    }
}

fn any_port() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

fn address(place: &Place) -> io::Result<SocketAddr> {
    place.address().parse().map_err(io::Error::other)
}

async fn udp(place: &Place) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(any_port()).await?;
    socket.connect(address(place)?).await?;
    Ok(socket)
}
