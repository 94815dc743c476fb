//! `[server]`: the process as a whole.

use std::path::PathBuf;

use crate::config::declare::section;
use crate::config::kind::{count, path, switch, text};

section! {
    /// The process as a whole.
    pub struct Server {
        /// The name that clients are told and logs carry: it tells several brokers apart.
        name: String = "broker".to_owned(), text(1..=64);
        /// The directory for what must outlive the process: the development certificate.
        /// It is made when it is needed first.
        data_directory: PathBuf = PathBuf::from("./broker-data"), path();
        /// Shards, each with a thread of its own; 0 means one per core.
        /// More than cores gain nothing; fewer leave cores to other programs.
        shards: usize = 0, count(0..=64);
        /// Whether clients may ask who is connected, who is behind, and what is published where: `broker
        /// sessions`, `broker topics`, and requests to `$broker.sessions`, `$broker.topics` and
        /// `$broker.stats`.
        inspection: bool = true, switch();
    }
}
