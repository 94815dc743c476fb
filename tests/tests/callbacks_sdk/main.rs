//! Callbacks as programs see them: objects that are handed to services, and called.

#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

mod answers;
mod ends;
mod hostile;
mod inside;
mod leaks;
mod listener;
mod order;
mod outages;
mod paces;
mod processes;
mod sets;
mod values;
