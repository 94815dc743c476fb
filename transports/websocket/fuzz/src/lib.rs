//! What the fuzz target checks, shared with the ordinary tests.

pub mod check;
