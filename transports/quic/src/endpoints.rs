//! The UDP sockets that a connector's links share.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};

use quinn::Endpoint;
use tokio::runtime::{Handle, Id};

/// One endpoint per address family, made on first use, in the runtime that uses them.
///
/// An endpoint dies with its runtime: in another one another is made.
#[derive(Debug, Default)]
pub(crate) struct Endpoints {
    made: Mutex<Option<Made>>,
}

#[derive(Debug)]
struct Made {
    runtime: Id,
    ipv4: Option<Endpoint>,
    ipv6: Option<Endpoint>,
}

impl Endpoints {
    /// An endpoint of the current runtime that can reach `address`.
    ///
    /// # Errors
    /// If no socket can be made.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub(crate) fn reaching(&self, address: SocketAddr) -> io::Result<Endpoint> {
        let runtime = Handle::current().id();
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let made = match &mut *made {
            Some(made) if made.runtime == runtime => made,
            other => other.insert(Made { runtime, ipv4: None, ipv6: None }),
        };
        let (slot, any): (_, SocketAddr) = if address.is_ipv4() {
            (&mut made.ipv4, (Ipv4Addr::UNSPECIFIED, 0).into())
        } else {
            (&mut made.ipv6, (Ipv6Addr::UNSPECIFIED, 0).into())
        };
        match slot {
            Some(endpoint) => Ok(endpoint.clone()),
            None => Ok(slot.insert(Endpoint::client(any)?).clone()),
        }
    }
}
