//! Opens links to paths.

use std::io;
use std::path::Path;

use tokio::net::UnixStream;
use transport_api::{Address, BoxFuture, ConnectError, Connector, Link, Subprotocol};

use crate::handshake::{Answer, offer};

/// Opens links to `unix:/path/to.sock`; `unix:///path/to.sock` means the same.
#[derive(Debug, Clone, Copy, Default)]
pub struct UnixConnector;

impl Connector for UnixConnector {
    fn schemes(&self) -> &'static [&'static str] {
        &[crate::TRANSPORT]
    }

    /// Opens a link; a connection can offer one subprotocol, so each that is refused costs another.
    fn connect<'a>(
        &'a self,
        url: &'a str,
        offered: &'a [Subprotocol],
    ) -> BoxFuture<'a, Result<Box<dyn Link>, ConnectError>> {
        Box::pin(async move { connect(path_of(url)?, offered).await })
    }
}

async fn connect(path: &Path, offered: &[Subprotocol]) -> Result<Box<dyn Link>, ConnectError> {
    let address = path.display().to_string();
    let mut reason = "no subprotocol was offered".to_owned();
    for subprotocol in offered {
        match try_one(path, *subprotocol).await {
            Ok(Answer::Agreed(link)) => return Ok(Box::new(link)),
            Ok(Answer::Refused(words)) => reason = words,
            Err(source) => return Err(ConnectError::Unreachable { address, source }),
        }
    }
    Err(ConnectError::Refused { address, reason })
}

async fn try_one(path: &Path, subprotocol: Subprotocol) -> io::Result<Answer> {
    let socket = UnixStream::connect(path).await?;
    offer(socket, subprotocol, Address::Path(path.to_owned())).await
}

fn path_of(url: &str) -> Result<&Path, ConnectError> {
    let path = url.strip_prefix("unix:").map(|rest| rest.strip_prefix("//").unwrap_or(rest));
    path.filter(|path| !path.is_empty()).map(Path::new).ok_or_else(|| ConnectError::Url {
        url: url.to_owned(),
        reason: "it must have the form unix:/path/to.sock".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_may_stand_behind_two_slashes_or_none_and_not_be_missing() {
        for url in ["unix:/run/broker.sock", "unix:///run/broker.sock"] {
            assert_eq!(path_of(url).expect(url), Path::new("/run/broker.sock"));
        }
        assert_eq!(path_of("unix:here.sock").expect("relative"), Path::new("here.sock"));
        for url in ["unix:", "unix://", "/run/broker.sock", "ws://x"] {
            assert!(matches!(path_of(url), Err(ConnectError::Url { .. })), "{url}");
        }
    }
}
