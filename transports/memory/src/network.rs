//! Names inside this process that can be listened on and connected to.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;
use transport_api::{Address, Subprotocol};

use crate::knock::Knocking;
use crate::link::pair_between;
use crate::{Config, Faults, ListenError, MemoryConnector, MemoryLink, MemoryListener};

/// Peers that wait to be accepted at one name; a connector beyond that waits.
pub const BACKLOG: usize = 1024;

/// Names inside this process that can be listened on and connected to, as `memory://name`.
///
/// Networks are independent of each other; clones are the same network. With the same seed and the
/// same order of connections, every link behaves the same.
///
/// # Example
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use transport_api::{Connector, Listener};
/// use transport_memory::{Config, Network};
///
/// let network = Network::new(7);
/// let spoken = [Config::SUBPROTOCOL];
/// let mut listener = network.listen("broker", &spoken)?;
/// let connector = network.connector();
/// let (client, incoming) =
///     tokio::join!(connector.connect("memory://broker", &spoken), async {
///         listener.accept().await?.handshake().await.map_err(Box::<dyn std::error::Error>::from)
///     });
/// let (_client, _server) = (client?, incoming?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Network {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug)]
struct Shared {
    seed: u64,
    connections: u64,
    config: Config,
    doors: HashMap<String, mpsc::Sender<Knocking>>,
    faults: Vec<Faults>,
}

impl Network {
    /// Makes a network whose links draw all chance from `seed`.
    pub fn new(seed: u64) -> Self {
        let shared = Shared {
            seed,
            connections: 0,
            config: Config::default(),
            doors: HashMap::new(),
            faults: Vec::new(),
        };
        Self { shared: Arc::new(Mutex::new(shared)) }
    }

    /// Sets what links are, and how they behave at first, from the next connection on. Its
    /// subprotocol and seed have no meaning here.
    pub fn set_config(&self, config: Config) {
        self.lock().config = config;
    }

    /// Listens at `name`, accepting the subprotocols in `spoken`, best first.
    ///
    /// # Errors
    /// If somebody listens there already.
    pub fn listen(
        &self,
        name: impl Into<String>,
        spoken: &[Subprotocol],
    ) -> Result<MemoryListener, ListenError> {
        let name = name.into();
        let mut shared = self.lock();
        if shared.doors.get(&name).is_some_and(|door| !door.is_closed()) {
            return Err(ListenError::Taken { name });
        }
        let (door, knocks) = mpsc::channel(BACKLOG);
        shared.doors.insert(name.clone(), door);
        Ok(MemoryListener::new(self.clone(), name, spoken.to_vec(), knocks))
    }

    /// What opens links to the names of this network.
    pub fn connector(&self) -> MemoryConnector {
        MemoryConnector::new(self.clone())
    }

    /// The handles of all links of which an end still exists, in the order they were made.
    pub fn links(&self) -> Vec<Faults> {
        let mut shared = self.lock();
        shared.faults.retain(Faults::is_in_use);
        shared.faults.clone()
    }

    /// What links are from the next connection on.
    pub(crate) fn config(&self) -> Config {
        self.lock().config.clone()
    }

    pub(crate) fn door(&self, name: &str) -> Option<mpsc::Sender<Knocking>> {
        self.lock().doors.get(name).cloned()
    }

    /// Makes the link of a client that `name` accepted.
    pub(crate) fn make_link(
        &self,
        name: &str,
        subprotocol: Subprotocol,
    ) -> (MemoryLink, MemoryLink) {
        let mut shared = self.lock();
        shared.connections += 1;
        let seed = shared.seed.wrapping_add(shared.connections);
        let config = Config { subprotocol, seed, ..shared.config.clone() };
        let client = Address::Name(format!("client-{}", shared.connections));
        let ends = pair_between(config, client, Address::Name(name.to_owned()));
        if shared.faults.len() == shared.faults.capacity() {
            shared.faults.retain(Faults::is_in_use);
        }
        shared.faults.push(ends.0.faults());
        ends
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
