//! What a listener may be told.

/// What a listener may be told.
#[derive(Debug, Clone)]
pub struct Config {
    /// The mode of the socket's file: who may write to it may connect. Default: 0600, the owner.
    pub mode: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self { mode: 0o600 }
    }
}
