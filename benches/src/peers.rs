//! Other servers under the same load: how one speaks with each of them.
//!
//! Only as much of every protocol as a load needs, and that in few nanoseconds: what the clients cost
//! must not hide what the server costs. [`Protocol`] is what differs, [`TcpParty`] what is the same.

mod broadcaster;
mod dialect;
mod mqtt;
mod nats;
mod party;
mod protocol;
mod reader;
mod redis;
#[cfg(test)]
mod trial;

pub use broadcaster::Broadcaster;
pub use dialect::{Peer, PeerDialect};
pub use mqtt::Mqtt;
pub use nats::Nats;
pub use party::TcpParty;
pub use protocol::{Piece, Protocol};
pub use redis::Redis;
