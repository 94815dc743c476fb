//! Real programs on the broker, in `src/bin`: `chat` and `chat-server`, `ticker`, `embedded` and `counters`.

pub mod chat;
mod loss;
mod narrow;

use client_sdk::{Client, ClientBuilder, Fingerprint};

pub use loss::lost_and_back;
pub use narrow::narrow;

/// How to reach the broker: the same for all programs here.
#[derive(Debug, Clone, clap::Args)]
pub struct Reach {
    /// Where the broker is: ws://, wss://, quic:// or unix:.
    #[arg(long, env = "BROKER_URL", default_value = "ws://127.0.0.1:7400")]
    pub url: String,
    /// The certificate to trust, for wss:// and quic://: the broker prints it when it starts.
    #[arg(long)]
    pub fingerprint: Option<Fingerprint>,
}

impl Reach {
    /// Begins to make a client.
    pub fn client(&self) -> ClientBuilder {
        let builder = Client::builder(&self.url);
        match self.fingerprint {
            Some(fingerprint) => builder.trust(fingerprint),
            None => builder,
        }
    }
}
