//! Rules of the shard and the sequencer, one by one, at their exact boundaries.

mod commands;
mod conflation;
mod credit;
mod endings;
mod groups;
mod inspection;
mod lanes;
mod limits;
mod moving;
mod patterns;
mod requests;
mod resuming;
mod retained;
mod stage;
mod unreliable;
mod windows;
