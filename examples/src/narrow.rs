//! A slow link on this machine: a relay in front of the broker that forwards so many bytes a second.

use std::time::Duration;

use anyhow::Context as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream, lookup_host};
use tokio::time::{Instant, sleep_until};

/// What is forwarded at a time, in bytes.
const PIECE_BYTES: usize = 500;

/// What the relay's socket holds towards the broker, in bytes: little, as before a slow link.
const SOCKET_BYTES: u32 = 8 << 10;

/// Opens a slow link to the broker at `url`, a `ws://` one. Returns the URL at which it begins.
///
/// # Errors
/// If the broker is somewhere else, or no port is free.
pub async fn narrow(url: &str, bytes_per_second: u32) -> anyhow::Result<String> {
    let broker = url.strip_prefix("ws://").context("a slow link leads to ws:// only")?;
    let broker = broker.trim_end_matches('/').to_owned();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let broker = broker.clone();
            // A link that fails ends, and its client sees that.
            tokio::spawn(async move { relay(client, &broker, bytes_per_second).await });
        }
    });
    Ok(format!("ws://{address}"))
}

async fn relay(mut client: TcpStream, broker: &str, bytes_per_second: u32) -> anyhow::Result<()> {
    let address = lookup_host(broker).await?.next().context("no such host")?;
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_recv_buffer_size(SOCKET_BYTES)?;
    let mut broker = socket.connect(address).await?;
    let (mut from_broker, mut to_broker) = broker.split();
    let (mut from_client, mut to_client) = client.split();
    let slowly = async {
        let (mut piece, mut free) = ([0; PIECE_BYTES], Instant::now());
        loop {
            let length = from_broker.read(&mut piece).await?;
            if length == 0 {
                return anyhow::Ok(());
            }
            let takes = Duration::from_secs_f64(length as f64 / f64::from(bytes_per_second));
            free = free.max(Instant::now()) + takes;
            sleep_until(free).await;
            to_client.write_all(&piece[..length]).await?;
        }
    };
    tokio::select! {
        ended = slowly => ended,
        ended = tokio::io::copy(&mut from_client, &mut to_broker) => Ok(ended.map(drop)?),
    }
}
