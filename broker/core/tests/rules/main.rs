//! Rules of the shard and the sequencer, one by one, at their exact boundaries.

mod answers;
mod callbacks;
mod commands;
mod conflation;
mod credit;
mod cuts;
mod endings;
mod expiry;
mod forgetting;
mod groups;
mod inspection;
mod intervals;
mod keeping;
mod lanes;
mod limits;
mod merging;
mod moving;
mod patterns;
mod requests;
mod resuming;
mod retained;
mod stage;
mod totals;
mod unreliable;
mod waiting;
mod windows;
