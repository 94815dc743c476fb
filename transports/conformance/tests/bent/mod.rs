//! Links and listeners in memory, bent so that each breaks one promise.

pub(crate) mod faults;
mod fixture;
mod link;

pub(crate) use fixture::{BentFixture, Door};
pub(crate) use link::{Bent, Fault};
