//! The faults, one struct each: an author's likely mistakes.

mod end;
mod receive;
mod send;
mod wait;

pub(crate) use end::*;
pub(crate) use receive::*;
pub(crate) use send::*;
pub(crate) use wait::*;

use super::Fault;

/// No fault: shows that what is broken elsewhere isn't broken by the wrapper.
#[derive(Default)]
pub(crate) struct Faithful;

impl Fault for Faithful {}
