//! Frames to bytes and back, in both codecs; waits, reads and sends nothing.

mod error;
pub mod frame;

pub use error::ErrorCode;
