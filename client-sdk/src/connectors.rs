//! Which transport opens a URL.

use std::sync::Arc;

use transport_api::Connector;
use transport_tls::Trust;

use crate::ConnectError;

/// The transports that this program was built with.
#[expect(clippy::allow_attributes, reason = "without any transport there is nothing to push")]
fn built_in(trust: &Trust) -> Vec<Arc<dyn Connector>> {
    #[allow(unused_mut, reason = "as the features say")]
    let mut connectors: Vec<Arc<dyn Connector>> = Vec::new();
    let _ = trust;
    #[cfg(feature = "websocket")]
    connectors.push(Arc::new(transport_websocket::WebSocketConnector::new(
        transport_websocket::ClientConfig { trust: trust.clone(), ..Default::default() },
    )));
    #[cfg(feature = "quic")]
    connectors.push(Arc::new(transport_quic::QuicConnector::new(transport_quic::ClientConfig {
        trust: trust.clone(),
        ..Default::default()
    })));
    #[cfg(all(feature = "unix", unix))]
    connectors.push(Arc::new(transport_unix::UnixConnector));
    connectors
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
