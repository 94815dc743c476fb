//! Callbacks as programs see them: objects that are handed to services, and called.

#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

mod answers;
mod away;
mod ends;
mod expiring;
mod hostile;
mod inside;
mod kicked;
mod leaks;
mod listener;
mod order;
mod other;
mod outages;
mod paces;
mod processes;
mod restarts;
mod sets;
mod unasked;
mod values;
