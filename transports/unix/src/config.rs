//! What a listener may be told.

/// What a listener may be told.
#[derive(Debug, Clone)]
pub struct Config {
    /// The mode of the socket's file: who may write to it may connect. Default: 0600, the owner.
    pub mode: u32,
    /// How many bytes that weren't read the system holds for each connection before it takes no
    /// more (`SO_SNDBUF`, of which it makes as much again for its own account). `None` leaves it to
    /// the system. Default: 128 KiB.
    pub unsent_bytes_max: Option<u32>,
}

impl Config {
    /// The default of [`Config::unsent_bytes_max`].
    pub const UNSENT_BYTES_MAX: u32 = 128 * 1024;
}

impl Default for Config {
    fn default() -> Self {
        Self { mode: 0o600, unsent_bytes_max: Some(Self::UNSENT_BYTES_MAX) }
    }
}
