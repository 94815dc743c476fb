//! Puts a broker under load and measures what becomes of it.
//!
//! A [`Plan`] says what is to happen: so many subscribers and publishers, a pace, a time. A
//! [`Dialect`] opens connections: [`LinkDialect`] speaks the broker's own protocol over any transport,
//! others can be added to compare servers that speak something else. [`run`] does it and returns a
//! [`Report`].
//!
//! Everything runs in one thread that never sleeps while it measures, so that the server never pays
//! for waking it. How much of that thread was spent on work is measured too: a run in which it was
//! more than [`BUSY_MAX`] says more of the generator than of the server, and is void.
//!
//! Latencies count from the moment at which a message was *due*, not from when it was sent: a
//! generator that falls behind doesn't flatter the server (coordinated omission).

mod arguments;
mod fleet;
mod flow;
mod links;
mod mark;
mod party;
mod plan;
mod plot;
mod process;
mod report;
mod run;
mod spare;
mod tally;

pub use arguments::{PlanArguments, hide, show};
pub use links::LinkDialect;
pub use mark::PAYLOAD_BYTES_MIN;
pub use party::{Dialect, Heard, LoadError, LocalFuture, Party};
pub use plan::{Pace, Plan};
pub use plot::{PlotError, plot};
pub use process::{Server, find_server};
pub use report::{Distribution, Measured, Report};
pub use run::{Progress, run};
pub use spare::BUSY_MAX;
