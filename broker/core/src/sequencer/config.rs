//! The settings of the sequencer.

use std::time::Duration;

use super::RetainedConfig;
use crate::{Folds, Limits, Policies};

/// The settings of the sequencer.
#[derive(Debug, Clone)]
pub struct SequencerConfig {
    /// The most topics that are known at a time.
    pub topics_max: usize,
    /// The most topics that are known because one session was the first to use them.
    pub topics_per_session_max: usize,
    /// After how much idleness a topic is forgotten.
    pub forget_after: Duration,
    /// How much is retained.
    pub retained: RetainedConfig,
    /// What holds for the topics of a pattern: what is kept of them.
    pub policies: Policies,
    /// How documents are made of patches, where they are kept.
    pub folds: Folds,
    /// The largest document.
    pub payload_bytes_max: usize,
}

impl Default for SequencerConfig {
    fn default() -> Self {
        Self {
            topics_max: 1_000_000,
            topics_per_session_max: 100_000,
            forget_after: Duration::from_secs(600),
            retained: RetainedConfig::default(),
            policies: Policies::default(),
            folds: Folds::default(),
            payload_bytes_max: Limits::default().payload_bytes_max,
        }
    }
}
