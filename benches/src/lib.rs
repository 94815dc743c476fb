//! What the benches share: cells that are measured with the engine of `broker bench`, brokers whose
//! subscribers cost nothing, tables, and the files from which the pictures are drawn. The broker
//! itself and the way to it are those of `broker-tests`.

mod axes;
mod broker;
pub mod called;
mod cell;
pub mod estimates;
pub mod lanes;
pub mod peers;
pub mod picture;
pub mod receiver;
pub mod results;
mod row;
mod sdk;
mod selection;
mod sinks;
mod table;

pub use axes::{Axis, axes};
pub use broker::{Started, patient, runtime, shard_threads};
pub use cell::{Cell, Clients, Regime};
pub use row::Row;
pub use sdk::SdkDialect;
pub use selection::{Selection, is_short};
pub use sinks::{Flood, Flooded};
pub use table::{count, micros, print_table};

/// The middle one of what was measured, of an even number the larger.
///
/// # Panics
/// If nothing was.
pub fn median(mut measured: Vec<f64>) -> f64 {
    measured.sort_by(f64::total_cmp);
    measured[measured.len() / 2]
}
