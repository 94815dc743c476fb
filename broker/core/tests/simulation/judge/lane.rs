//! One lane as its client sees it.

use std::collections::BTreeMap;

use broker_protocol::frame::LaneOptions;

use super::track::{Told, Track};

/// One lane as its client sees it.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    pub(crate) granted: LaneOptions,
    pub(crate) tracks: BTreeMap<usize, Track>,
    /// The last message of each publisher.
    pub(crate) publishers: BTreeMap<usize, usize>,
    /// What gaps of the whole lane counted, and what they must have counted.
    pub(crate) folded: u64,
    pub(crate) told: Told,
    /// What was covered until behind a gap of the whole lane.
    pub(crate) left: Vec<(usize, Track)>,
    /// Messages to the client by name: the last place, what gaps told of them.
    pub(crate) sent: Option<(u64, u64)>,
    pub(crate) gaps_of_sent: u64,
    /// What came in the flush that released what waited: its number, messages and bytes.
    pub(crate) released: (u64, u32, u64),
}
