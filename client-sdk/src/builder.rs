//! How a client is made.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use broker_protocol::Codec;
use tokio::runtime::Handle;
use transport_api::Connector;
use transport_tls::Trust;

use crate::config::Config;
use crate::driver::{Dialer, drive};
use crate::hub::Hub;
use crate::inbox::Bound;
use crate::notices::{Notices, Observers};
use crate::{Client, ConnectError, ConnectionState, Reconnect, Refused, connectors};

/// Makes a client; see [`Client::builder`].
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
/// use client_sdk::{Client, Fingerprint, Reconnect, Trust};
///
/// let fingerprint: Fingerprint = std::env::var("FINGERPRINT")?.parse()?;
/// let client = Client::builder("quic://localhost:7400")
///     .name("ticker")
///     .trust(fingerprint)
///     .request_timeout(Duration::from_secs(2))
///     .reconnect(Reconnect { attempts_max: Some(20), ..Reconnect::default() })
///     .on_state(|state| eprintln!("{state:?}"))
///     .connect()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a builder does nothing until it connects"]
pub struct ClientBuilder {
    urls: Vec<String>,
    config: Config,
    trust: Trust,
    policy: Reconnect,
    connectors: Vec<Arc<dyn Connector>>,
    observers: Observers,
}

impl ClientBuilder {
    pub(crate) fn new(url: impl Into<String>) -> Self {
        Self {
            urls: vec![url.into()],
            config: Config::default(),
            trust: Trust::default(),
            policy: Reconnect::default(),
            connectors: Vec::new(),
            observers: Observers::default(),
        }
    }

    /// The name by which others see and reach this client. The broker makes one up without it.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.config.name = Some(name.into());
        self
    }

    /// What proves to the broker who this is.
    pub fn credential(mut self, credential: impl Into<String>) -> Self {
        self.config.credential = Some(credential.into());
        self
    }

    /// Whom to trust, where the transport encrypts: the system's roots by default, roots of one's
    /// own, or exactly one certificate by its fingerprint, as the broker prints it at its start.
    pub fn trust(mut self, trust: impl Into<Trust>) -> Self {
        self.trust = trust.into();
        self
    }

    /// How frames are written: compact ([`Codec::Bincode`], the default) or readable
    /// ([`Codec::Json`]).
    pub fn codec(mut self, codec: Codec) -> Self {
        self.config.codec = codec;
        self
    }

    /// How long one attempt may take until the session is open. 10 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.config.connect_timeout = timeout;
        self
    }

    /// How long requests and acknowledgements are waited for, where nothing else is said. 5 s.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.config.request_timeout = timeout;
        self
    }

    /// How long [`Client::close`] takes at most to send what waits and to say goodbye. 5 s.
    pub fn close_timeout(mut self, timeout: Duration) -> Self {
        self.config.close_timeout = timeout;
        self
    }

    /// How long the broker may be silent until it is pinged; after twice that it counts as gone.
    /// 15 s, at least 1 ms. The broker is asked to ping this client as often, within what it allows (by
    /// default a second at least): so that a client that is frozen, or killed over QUIC, is missed
    /// as soon.
    pub fn ping_interval(mut self, interval: Duration) -> Self {
        self.config.ping_interval = Some(interval.max(Duration::from_millis(1)));
        self
    }

    /// What is done when the connection is lost. See [`Reconnect`]; [`Reconnect::OFF`] for nothing.
    pub fn reconnect(mut self, policy: Reconnect) -> Self {
        self.policy = policy;
        self
    }

    /// How many bytes wait to be sent at most, until `publish` waits and `try_publish` refuses. One
    /// larger message still goes into an empty queue. 4 MiB.
    pub fn outgoing_bytes_max(mut self, bytes: usize) -> Self {
        self.config.outgoing_bytes_max = bytes.clamp(1, u32::MAX as usize);
        self
    }

    /// How much waits for each slow subscriber at most, where its subscription says nothing else.
    /// One larger message still goes into an empty inbox. 4,096 messages and 4 MiB.
    pub fn inbox(mut self, messages: usize, bytes: usize) -> Self {
        self.config.inbox = Bound { messages: messages.max(1), bytes };
        self
    }

    /// How much of each lane is received and not consumed by callbacks at most, in bytes. 1 MiB;
    /// `None` to take no part in credit.
    ///
    /// With it the broker sends no more than callbacks consume, so that a slow callback is treated
    /// as a slow link: what comes meanwhile waits in the broker, and is treated there as the
    /// subscription's options say. Without it everything comes into this program and waits here. The
    /// broker may grant more or less.
    pub fn receive_window(mut self, bytes: impl Into<Option<u64>>) -> Self {
        self.config.receive_window = bytes.into();
        self
    }

    /// Another address of the same broker, over any transport: with each attempt to connect it is the
    /// turn of the next one. The session goes on wherever the client comes back.
    pub fn also_at(mut self, url: impl Into<String>) -> Self {
        self.urls.push(url.into());
        self
    }

    /// How long the broker keeps the session when the connection is lost, at most as long as it is
    /// configured for. While it does, subscriptions and servings stand, what comes for them waits
    /// there by their lanes' rules, and everything goes on when the client is back. Zero ends the
    /// session with its connection. As the broker is configured where nothing is said.
    pub fn session_expiry(mut self, expiry: Duration) -> Self {
        self.config.session_expiry = Some(expiry);
        self
    }

    /// Adds a transport of the program's own, preferred to the built-in ones of the same scheme.
    pub fn with_connector(mut self, connector: Arc<dyn Connector>) -> Self {
        self.connectors.push(connector);
        self
    }

    /// Is called with each change of the connection, one at a time, in a task of its own. At most 64
    /// changes wait for a slow callback; further ones are left out.
    pub fn on_state(mut self, callback: impl FnMut(ConnectionState) + Send + 'static) -> Self {
        self.observers.state = Some(Box::new(callback));
        self
    }

    /// Is called when the broker refuses a message that was published without acknowledgement, or a call
    /// without an answer, as where its callback has no room for more; in the same task as [`ClientBuilder::on_state`] and with the same bound.
    pub fn on_refused(mut self, callback: impl FnMut(Refused) + Send + 'static) -> Self {
        self.observers.refused = Some(Box::new(callback));
        self
    }

    /// Connects, and waits until the session is open.
    ///
    /// The first attempt is the only one here: reconnection begins once there was a connection.
    ///
    /// # Errors
    /// If no transport knows the URL, there is no way to the broker, it refuses, or it takes longer
    /// than the time-out.
    ///
    /// # Panics
    /// Outside a tokio runtime with time enabled.
    ///
    /// # Cancel safety
    /// Dropping the future gives the attempt up.
    pub async fn connect(mut self) -> Result<Client, ConnectError> {
        if self.policy == Reconnect::OFF {
            // Nobody will come back for the session.
            self.config.session_expiry.get_or_insert(Duration::ZERO);
        }
        let mut places = Vec::new();
        for url in self.urls {
            let connector = connectors::choose(&url, &self.connectors, &self.trust)?;
            places.push((url, connector));
        }
        let dialer = Dialer { places, turns: AtomicUsize::new(0), policy: self.policy };
        let runtime = Handle::current();
        let notices = Notices::start(&runtime, self.observers);
        let hub = Arc::new(Hub::new(self.config, runtime.clone(), notices));
        hub.tell(ConnectionState::Connecting);
        let connection = Box::pin(dialer.dial_first(&hub)).await?;
        runtime.spawn(drive(Arc::clone(&hub), dialer, connection));
        Ok(Client::new(hub))
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The credential stays out of logs.
        f.debug_struct("ClientBuilder")
            .field("urls", &self.urls)
            .field("name", &self.config.name)
            .finish_non_exhaustive()
    }
}
