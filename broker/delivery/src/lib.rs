//! Topic names, filters and matching; lanes and what waits in them; pure.

pub mod lane;

mod stub;
pub use stub::*;
