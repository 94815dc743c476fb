//! The UDP socket of a listener.

use std::io;
use std::net::{SocketAddr, UdpSocket};

use socket2::{Domain, Protocol, Socket, Type};

/// Binds a socket that keeps so many bytes of what arrives until it is read, or as much of that as the
/// system grants.
///
/// # Errors
/// If the address can't be bound.
pub(crate) fn bind(address: SocketAddr, receive_bytes: usize) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    // If that is more than the system allows, it grants what it allows and says nothing.
    socket.set_recv_buffer_size(receive_bytes)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_much_is_kept_as_the_system_grants() {
        let receive_bytes = 4 * 1024 * 1024;
        let by_hand = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)).unwrap();
        by_hand.set_recv_buffer_size(receive_bytes).unwrap();
        let bound = bind(([127, 0, 0, 1], 0).into(), receive_bytes).unwrap();
        let granted = Socket::from(bound).recv_buffer_size().unwrap();
        assert_eq!(granted, by_hand.recv_buffer_size().unwrap());
    }
}
