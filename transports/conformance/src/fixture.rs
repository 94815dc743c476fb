//! What the suite needs to know of a transport.

use std::any::Any;
use std::time::Duration;

use transport_api::{BoxFuture, Connector, Link, Listener, Subprotocol};

/// What the suite needs to know of a transport: one required method.
///
/// A method that fails to set things up may panic: then the fixture is at fault, not the transport.
pub trait Fixture: Send + Sync {
    /// Starts a listener of its own (a free port, a fresh path) that accepts `spoken`.
    fn listen<'a>(&'a self, spoken: &'a [Subprotocol]) -> BoxFuture<'a, Place>;

    /// What the transport states about itself.
    fn bounds(&self) -> Bounds {
        Bounds::default()
    }

    /// Comes to `url` beneath the transport (a bare socket) and misbehaves until the guard is
    /// dropped. `None` where nothing lies beneath.
    fn stranger<'a>(&'a self, _url: &'a str, _stranger: Stranger) -> Option<BoxFuture<'a, Guard>> {
        None
    }

    /// Makes a link whose network can be frozen and cut, for example through a relay.
    fn reined_link(&self) -> Option<BoxFuture<'_, Reined>> {
        None
    }
}

/// A listener, and how to reach it.
pub struct Place {
    /// Where peers come.
    pub listener: Box<dyn Listener>,
    /// What opens links to it.
    pub connector: Box<dyn Connector>,
    /// The URL for the connector.
    pub url: String,
}

/// What a transport states about itself.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// Bytes that a link takes at most, over all channels, while its peer doesn't read, with
    /// whatever the system buffers at both ends. Default: 8 MiB.
    pub in_flight_bytes_max: usize,
    /// How long nothing may happen while something should: a wait that is longer breaks a promise.
    /// Longer than the transport's own time-outs. Default: 10 s.
    pub patience: Duration,
    /// How long nothing must happen until the suite believes that nothing will. Default: 200 ms.
    pub quiet: Duration,
    /// Whether the transport has words for a close reason: its code and text. Default: it has.
    pub close_reasons: CloseReasons,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            in_flight_bytes_max: 8 * 1024 * 1024,
            patience: Duration::from_secs(10),
            quiet: Duration::from_millis(200),
            close_reasons: CloseReasons::Carried,
        }
    }
}

/// Whether a transport has words for a close reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseReasons {
    /// Code and text arrive.
    Carried,
    /// The peer only sees that the link has ended.
    Wordless,
}

/// How somebody misbehaves who isn't a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stranger {
    /// Connects and says nothing.
    Silent,
    /// Connects and says what is no handshake of this transport.
    Garbage,
}

/// Keeps a stranger connected until it is dropped.
pub struct Guard {
    _kept: Box<dyn Any + Send>,
}

impl Guard {
    /// Keeps `kept`, whatever it is.
    pub fn new(kept: impl Any + Send) -> Self {
        Self { _kept: Box::new(kept) }
    }
}

/// A link with reins on its network.
pub struct Reined {
    /// The connecting end.
    pub client: Box<dyn Link>,
    /// The accepting end.
    pub server: Box<dyn Link>,
    /// What holds the network.
    pub reins: Box<dyn Reins>,
    /// What has to live as long as the link, such as its listener.
    pub guard: Guard,
}

/// Holds the network between two ends.
pub trait Reins: Send + Sync {
    /// Lets nothing through any more, in either direction; neither end is told.
    fn freeze(&self);

    /// Lets everything through again, with what was held back.
    fn thaw(&self);

    /// Breaks the connection abruptly for both ends.
    fn cut(&self);

    /// Holds one lane towards the client back, where lanes are separate. Returns whether it can.
    fn hold_lane(&self, _lane: u8) -> bool {
        false
    }
}
