//! The promises, one function each.
//!
//! Each sets its own links up and returns how it was broken, if it was. One that a transport doesn't
//! make (it has no pings, no datagrams, no separate lanes) counts as kept.

mod cancel;
mod close;
mod death;
mod handshake;
mod lanes;
mod order;
mod pressure;

pub use cancel::*;
pub use close::*;
pub use death::*;
pub use handshake::*;
pub use lanes::*;
pub use order::*;
pub use pressure::*;
