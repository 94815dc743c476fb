//! What users may rely on: the same scenarios over every transport.
//!
//! Here is what the scenarios in `tests/` share, and the benches with them: a broker in this
//! process ([`setting`]), a bare client that is a link and frames ([`bare`]), a client that listens
//! for what a scenario waits for ([`client`]), a narrow way to a broker ([`narrow`]), how old values
//! get on it ([`freshness`]), in front of a slow callback ([`slow_callback`]) and beside one ([`neighbour`]), what each of
//! two lanes gets of it ([`priorities`]), and what becomes of each
//! of them ([`timeline`]), many who never read ([`stalled`]), and [`over_every_transport!`].
//!
//! Every wait is bounded by [`PATIENCE`] and nothing sleeps to wait for something to happen.

pub mod bare;
pub mod callbacks;
pub mod client;
pub mod drawing;
pub mod freshness;
pub mod heard;
pub mod narrow;
pub mod neighbour;
pub mod priorities;
pub mod process;
mod scenarios;
pub mod setting;
pub mod slow_callback;
pub mod stalled;
pub mod timeline;

pub use client::{Client, PATIENCE};
pub use heard::Heard;
pub use setting::{Place, Setting, Transport};
