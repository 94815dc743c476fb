//! Where a link comes from or a listener listens.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The address of a listener or of a link's peer, for people and logs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Address {
    /// An IP address and port.
    Socket(SocketAddr),
    /// A path in the file system.
    Path(PathBuf),
    /// A name inside this process.
    Name(String),
    /// A peer without an address of its own, as the client end of a Unix socket.
    Unnamed,
}

impl Address {
    /// The IP address and port, where there is one.
    pub fn socket(&self) -> Option<SocketAddr> {
        match self {
            Self::Socket(address) => Some(*address),
            _ => None,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(address) => address.fmt(f),
            Self::Path(path) => path.display().fmt(f),
            Self::Name(name) => name.fmt(f),
            Self::Unnamed => f.write_str("unnamed"),
        }
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self::Socket(address)
    }
}
