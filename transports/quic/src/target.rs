//! Where a URL points to.

use std::net::SocketAddr;

use transport_api::ConnectError;
use url::{Host, Url};

/// The server that a URL names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// A name or an IP address, without brackets: what the certificate must be for.
    pub(crate) host: String,
    port: u16,
}

impl Target {
    /// Reads `quic://host:port`.
    pub(crate) fn parse(url: &str) -> Result<Self, ConnectError> {
        let wrong = |reason: &str| ConnectError::Url { url: url.into(), reason: reason.into() };
        let parsed = Url::parse(url).map_err(|error| wrong(&error.to_string()))?;
        if parsed.scheme() != "quic" {
            return Err(wrong("its scheme isn't quic"));
        }
        if !matches!(parsed.path(), "" | "/") || parsed.query().is_some() {
            return Err(wrong("QUIC has no paths, write quic://host:port"));
        }
        let host = match parsed.host() {
            Some(Host::Domain(name)) => name.to_owned(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => address.to_string(),
            None => return Err(wrong("it names no host, write quic://host:port")),
        };
        let port =
            parsed.port().ok_or_else(|| wrong("it names no port, write quic://host:port"))?;
        Ok(Self { host, port })
    }

    /// Looks the addresses up, at least one.
    pub(crate) async fn resolve(&self) -> Result<Vec<SocketAddr>, ConnectError> {
        let unreachable = |source| ConnectError::Unreachable { address: self.to_string(), source };
        let found = tokio::net::lookup_host((self.host.as_str(), self.port)).await;
        let addresses: Vec<_> = found.map_err(unreachable)?.collect();
        if addresses.is_empty() {
            return Err(unreachable(std::io::ErrorKind::NotFound.into()));
        }
        Ok(addresses)
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_of_both_families_are_hosts() {
        for (url, text) in [
            ("quic://localhost:7400", "localhost:7400"),
            ("quic://127.0.0.1:1/", "127.0.0.1:1"),
            ("quic://[::1]:65535", "[::1]:65535"),
        ] {
            assert_eq!(Target::parse(url).unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_url_that_cannot_be_used_is_quoted_with_the_reason() {
        for (url, reason) in [
            ("quic://localhost", "names no port"),
            ("quic://localhost:7400/path", "no paths"),
            ("quic://localhost:7400?query", "no paths"),
            ("ws://localhost:7400", "scheme"),
            ("quic://", "no host"),
            ("quic:localhost", "write quic://host:port"),
            ("quic://localhost:65536", "invalid port"),
            ("", "without a base"),
        ] {
            let error = Target::parse(url).unwrap_err().to_string();
            assert!(error.contains(reason) && error.contains(url), "{error}");
        }
    }
}
