//! The options of a connected socket.

use std::io;

use socket2::SockRef;
use tokio::net::TcpStream;

/// Sets a connected socket up: what is written leaves at once, and little that hasn't left is held
/// in the system.
pub(crate) fn prepare(tcp: &TcpStream, unsent_bytes_max: Option<u32>) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    match unsent_bytes_max {
        Some(bytes) => limit_unsent(&SockRef::from(tcp), bytes),
        None => Ok(()),
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn limit_unsent(socket: &SockRef<'_>, bytes: u32) -> io::Result<()> {
    socket.set_tcp_notsent_lowat(bytes)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn limit_unsent(_socket: &SockRef<'_>, _bytes: u32) -> io::Result<()> {
    Ok(())
}
