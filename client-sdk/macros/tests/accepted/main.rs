//! Traits that are written rightly compile without a warning of the compiler or of clippy: the crate
//! has no test harness, for within one nothing needs documentation.

#![deny(
    warnings,
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    rust_2018_idioms,
    clippy::all,
    clippy::pedantic
)]

mod data;
pub mod documented;
mod large;
mod names;
mod shapes;
pub mod visibility;

fn main() {
    large::check();
    names::check();
    shapes::check();
    visibility::check();
}
