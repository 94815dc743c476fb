//! Which transport opens a URL.

use std::sync::Arc;

use transport_api::Connector;
use transport_tls::Trust;

use crate::ConnectError;

type Built = Option<Arc<dyn Connector>>;

/// The transports that this program was built with.
fn built_in(trust: &Trust) -> Vec<Arc<dyn Connector>> {
    [websocket(trust), quic(trust), unix()].into_iter().flatten().collect()
}

#[cfg(feature = "websocket")]
fn websocket(trust: &Trust) -> Built {
    use transport_websocket::{ClientConfig, WebSocketConnector};
    let packet_bytes_max = crate::config::Config::FRAME_BYTES_MAX;
    let trust = trust.clone();
    let config = ClientConfig { trust, packet_bytes_max, ..ClientConfig::default() };
    Some(Arc::new(WebSocketConnector::new(config)))
}

#[cfg(not(feature = "websocket"))]
fn websocket(_: &Trust) -> Built {
    None
}

#[cfg(feature = "quic")]
fn quic(trust: &Trust) -> Built {
    use transport_quic::{ClientConfig, QuicConnector};
    let config = ClientConfig { trust: trust.clone(), ..ClientConfig::default() };
    Some(Arc::new(QuicConnector::new(config)))
}

#[cfg(not(feature = "quic"))]
fn quic(_: &Trust) -> Built {
    None
}

#[cfg(all(unix, feature = "unix"))]
fn unix() -> Built {
    Some(Arc::new(transport_unix::UnixConnector))
}

#[cfg(not(all(unix, feature = "unix")))]
fn unix() -> Built {
    None
}

/// What opens links to `url`, by its scheme, among the transports that this program was built with:
/// for programs that speak the protocol themselves.
///
/// # Errors
/// [`ConnectError::UnknownScheme`], with those that are known.
pub fn connector(url: &str, trust: &Trust) -> Result<Arc<dyn Connector>, ConnectError> {
    choose(url, &[], trust)
}

/// Finds what opens `url` by its scheme; what the program brought itself comes first.
pub(crate) fn choose(
    url: &str,
    own: &[Arc<dyn Connector>],
    trust: &Trust,
) -> Result<Arc<dyn Connector>, ConnectError> {
    let scheme = url.split(':').next().unwrap_or_default();
    let known: Vec<_> = own.iter().cloned().chain(built_in(trust)).collect();
    let opens = |connector: &&Arc<dyn Connector>| {
        connector.schemes().iter().any(|one| one.eq_ignore_ascii_case(scheme))
    };
    if let Some(connector) = known.iter().find(opens) {
        return Ok(Arc::clone(connector));
    }
    let schemes: Vec<_> = known.iter().flat_map(|one| one.schemes()).copied().collect();
    Err(ConnectError::UnknownScheme { url: url.to_owned(), known: schemes.join(", ") })
}
