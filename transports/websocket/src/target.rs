//! What a URL says of where to connect.

use std::io;

use transport_api::ConnectError;
use url::{Host, Url};

/// What a URL says of where to connect.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) url: Url,
    pub(crate) tls: bool,
    pub(crate) port: u16,
    host: String,
}

impl Target {
    pub(crate) fn parse(text: &str) -> Result<Self, ConnectError> {
        let unusable = |reason: String| ConnectError::Url { url: text.to_owned(), reason };
        let mut url = Url::parse(text).map_err(|error| unusable(error.to_string()))?;
        // The request has no place for it (RFC 6455 §3).
        url.set_fragment(None);
        let tls = match url.scheme() {
            "ws" => false,
            "wss" => true,
            other => return Err(unusable(format!("its scheme is {other}, not ws or wss"))),
        };
        let host = match url.host() {
            Some(Host::Domain(name)) => name.to_owned(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => address.to_string(),
            None => return Err(unusable("it names no host".to_owned())),
        };
        let port = url.port_or_known_default().expect("ws and wss have default ports");
        Ok(Self { url, tls, port, host })
    }

    /// The host: a name, or an IP address without brackets.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Host and port, for people.
    pub(crate) fn address(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        format!("{host}:{}", self.port)
    }

    pub(crate) fn unusable(&self, reason: &str) -> ConnectError {
        ConnectError::Url { url: self.url.to_string(), reason: reason.to_owned() }
    }

    pub(crate) fn unreachable(&self, source: io::Error) -> ConnectError {
        ConnectError::Unreachable { address: self.address(), source }
    }

    pub(crate) fn refused(&self, reason: String) -> ConnectError {
        ConnectError::Refused { address: self.address(), reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_have_defaults_and_addresses_lose_their_brackets() {
        let target = Target::parse("ws://localhost").unwrap();
        assert_eq!((target.host(), target.port, target.tls), ("localhost", 80, false));
        let target = Target::parse("wss://[::1]:7400/path?x=y#z").unwrap();
        assert_eq!((target.host(), target.port, target.tls), ("::1", 7400, true));
        assert_eq!(target.address(), "[::1]:7400");
        assert_eq!(target.url.as_str(), "wss://[::1]:7400/path?x=y");
    }

    #[test]
    fn another_scheme_is_named_in_the_error() {
        let error = Target::parse("http://localhost").unwrap_err().to_string();
        assert!(error.contains("http"), "{error}");
        assert!(Target::parse("localhost:7400").is_err());
        assert!(Target::parse("ws://").is_err());
    }
}
