//! Accepts TCP connections that belong to no runtime yet.

use std::io;
use std::net::{SocketAddr, TcpListener as StdTcpListener, TcpStream};

use tokio::net::TcpListener;

/// How many connections are accepted past the runtime before it is asked again.
const IN_A_ROW: u32 = 64;

/// A socket that listens.
///
/// Whatever the runtime accepts it registers, though the connection is to be moved to the thread
/// where it will live and registered there. So the runtime accepts the first of a burst, and the
/// others come straight from the socket.
#[derive(Debug)]
pub(crate) struct Acceptor {
    tcp: TcpListener,
    /// The same socket.
    direct: StdTcpListener,
    /// How many connections of this burst may still be accepted directly.
    left: u32,
}

impl Acceptor {
    /// Takes a socket that listens and doesn't block.
    pub(crate) fn new(tcp: StdTcpListener) -> io::Result<Self> {
        Ok(Self { direct: tcp.try_clone()?, tcp: TcpListener::from_std(tcp)?, left: 0 })
    }

    /// Waits for the next connection. It doesn't block.
    ///
    /// # Cancel safety
    /// No connection is lost when the future is dropped.
    pub(crate) async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        if self.left > 0 {
            match self.direct.accept() {
                Ok((tcp, peer)) => {
                    self.left -= 1;
                    tcp.set_nonblocking(true)?;
                    return Ok((tcp, peer));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.left = 0,
                Err(error) => return Err(error),
            }
        }
        let (tcp, peer) = self.tcp.accept().await?;
        self.left = IN_A_ROW;
        Ok((tcp.into_std()?, peer))
    }
}
