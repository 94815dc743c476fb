//! One suite that every transport passes.
//!
//! A transport describes itself to the suite by a [`Fixture`], whose one required method starts a
//! listener, and makes a test of each [promise](promises):
//!
//! ```ignore
//! mod fixture;
//!
//! transport_conformance::conformance_tests!(fixture::Mine);
//! ```
//!
//! A promise that is broken is told in a sentence that names it and what was seen. The ends of a link
//! run in tasks of their own, so that a wake-up that is missing at one of them is noticed; every wait
//! is bounded by [`Bounds::patience`]. The suite is tested itself: with transports that are broken on
//! purpose, each of which must break the promise it is meant to.

mod end;
mod fixture;
mod heard;
mod meeting;
mod packets;
pub mod promises;
mod run;
mod verdict;

pub use fixture::{Bounds, CloseReasons, Fixture, Guard, Place, Reined, Reins, Stranger};
pub use run::{PROMISES, Promise, broken_promises, run_all};
pub use verdict::{Broken, Verdict};
