//! The options of a socket.

use std::io;

use socket2::SockRef;

/// Sets up a socket, or one that accepts them: what is written leaves at once, and little that
/// hasn't left is held in the system.
pub(crate) fn prepare(socket: &SockRef<'_>, unsent_bytes_max: Option<u32>) -> io::Result<()> {
    socket.set_tcp_nodelay(true)?;
    match unsent_bytes_max {
        Some(bytes) => limit_unsent(socket, bytes),
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
