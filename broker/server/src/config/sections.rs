//! The declarations: what each section holds, with defaults, bounds and reasons.
//!
//! A new setting is a line in one of these files. A new section is a file here, a field in
//! [`Config`](super::Config) and a line in [`schema`](super::schema).

mod lanes;
mod limits;
mod listen;
mod listen_url;
mod log;
mod pattern;
mod retained;
mod server;
mod sessions;
mod times;
mod tls;
mod transports;

pub use lanes::{Lanes, Overflow};
pub use limits::Limits;
pub use listen::{Listen, Transport};
pub use listen_url::InvalidListen;
pub use log::{Log, LogFormat};
pub(super) use pattern::PATTERNS_MAX;
pub use pattern::{Keep, Pattern};
pub use retained::Retained;
pub use server::Server;
pub use sessions::Sessions;
pub use times::{Requests, Shutdown, Topics};
pub use tls::Tls;
pub use transports::{Quic, Unix, WebSocket};
