//! The running broker: shards, sessions' input and output, configuration; a library to embed.
//!
//! ```no_run
//! # async fn example() -> Result<(), broker::StartError> {
//! use broker::Broker;
//!
//! let network = transport_memory::Network::new(1);
//! let listener = network.listen("broker", &broker::SUBPROTOCOLS).expect("the name is free");
//! let running = Broker::builder().listen(move || Ok(Box::new(listener))).start().await?;
//! // ... clients connect to `memory://broker` ...
//! let summary = running.shutdown().await;
//! println!("{} messages were published", summary.published);
//! # Ok(())
//! # }
//! ```
//!
//! A message's way through this crate: `shard::connection` reads bytes into the rules,
//! `shard::turn` hands what they ask to the sequencer (`exchange`), applies what it says, and
//! writes to the links.

mod broker;
mod clock;
pub mod config;
mod configured;
mod exchange;
mod inbox;
mod seating;
mod shard;

pub use broker::{Bind, Broker, Builder, Running, StartError, Summary};
pub use broker_core::{Config as ShardConfig, Folds, Limits, Liveness, SequencerConfig};
pub use broker_delivery::fold::{Fold, Folded, MergePatch};
pub use configured::{Configured, ConfiguredError};

use transport_api::Subprotocol;

/// What is spoken here, best first: offered by every listener.
pub const SUBPROTOCOLS: [Subprotocol; 2] = [
    Subprotocol { family: "broker", version: 1, codec: "bincode", text: false },
    Subprotocol { family: "broker", version: 1, codec: "json", text: true },
];
