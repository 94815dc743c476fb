//! The SDK against a broker's end that says what a test tells it to, over the memory transport.
#![allow(clippy::unwrap_used, reason = "a test")]

mod answers;
mod calls;
mod changing;
mod closing;
mod costs;
mod credit;
mod data;
mod holding;
mod latest;
mod liveness;
mod peer;
mod place;
mod publishing;
mod receiving;
mod reconnecting;
mod recorder;
mod replaying;
mod requesting;
mod resuming;
mod rows;
mod serving;
mod unreliable;
