//! What calls of callbacks cost: a broker, a service and its clients, each in a process of its own.
//!
//! The service is the process that measures; the clients are further processes of the same program, each
//! with many clients of the SDK, which offer an object each and hand it over.

mod clients;
mod cuts;
mod ends;
mod flood;
mod hall;
mod idle;
mod stage;
mod target;

/// How many rounds are under way, if nothing else is wished.
pub const WINDOW: u64 = 64;

pub use clients::run as run_clients;
pub use cuts::{Cut, cut};
pub use ends::{Ended, frozen, killed};
pub use flood::{Flood, Flooded, Way};
pub use idle::{Idle, idle};
pub use stage::Stage;
pub use target::{Ages, Desk, Target};
