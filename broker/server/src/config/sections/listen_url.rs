//! Places to listen, written as URLs.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::{Listen, Transport};

/// A URL at which nothing can listen.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{url:?} isn't a place to listen at: must be ws://ADDRESS:PORT, wss://ADDRESS:PORT, \
     quic://ADDRESS:PORT or unix:PATH"
)]
pub struct InvalidListen {
    /// What was given.
    pub url: String,
}

impl FromStr for Listen {
    type Err = InvalidListen;

    fn from_str(url: &str) -> Result<Self, InvalidListen> {
        let invalid = || InvalidListen { url: url.to_owned() };
        let (scheme, rest) = url.split_once(':').ok_or_else(invalid)?;
        let listen = match (scheme, rest.strip_prefix("//")) {
            ("ws", Some(place)) => Self::new(Transport::WebSocket, without_slash(place)),
            ("wss", Some(place)) => {
                Self { tls: true, ..Self::new(Transport::WebSocket, without_slash(place)) }
            }
            ("quic", Some(place)) => Self::new(Transport::Quic, without_slash(place)),
            ("unix", place) => Self::new(Transport::Unix, place.unwrap_or(rest)),
            _ => return Err(invalid()),
        };
        Some(listen).filter(|listen| !listen.address.is_empty()).ok_or_else(invalid)
    }
}

fn without_slash(place: &str) -> &str {
    place.strip_suffix('/').unwrap_or(place)
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match (self.transport, self.tls) {
            (Transport::WebSocket, false) => "ws://",
            (Transport::WebSocket, true) => "wss://",
            (Transport::Quic, _) => "quic://",
            (Transport::Unix, _) => "unix:",
        };
        write!(f, "{scheme}{}", self.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_comes_back_as_it_was() {
        for url in ["ws://127.0.0.1:0", "wss://[::]:7400", "quic://0.0.0.0:1", "unix:/run/broker"] {
            assert_eq!(url.parse::<Listen>().map(|listen| listen.to_string()), Ok(url.to_owned()));
        }
    }

    #[test]
    fn a_slash_at_the_end_and_two_after_unix_are_no_part_of_the_place() {
        assert_eq!("ws://h:1/".parse::<Listen>().unwrap().address, "h:1");
        assert_eq!("unix:///run/b".parse::<Listen>().unwrap().address, "/run/b");
    }

    #[test]
    fn what_isnt_a_place_is_refused() {
        for url in ["", "7400", "http://127.0.0.1:7400", "ws:127.0.0.1:1", "quic://", "unix:"] {
            assert!(url.parse::<Listen>().is_err(), "{url}");
        }
    }
}
