//! Waits at a path for peers.

use std::io;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use socket2::SockRef;
use tokio::net::UnixStream;
use tokio::time::sleep;
use transport_api::{
    AcceptError, Address, BoxFuture, HandshakeError, Incoming, Link, Listener, Placement,
    Subprotocol,
};

use crate::config::Config;
use crate::handshake::serve;
use crate::socket_file::{SocketFile, bind};

/// How long accepting rests when the system has no more to give, such as file descriptors.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(50);

/// Listens at `path`, accepting the subprotocols in `spoken`, best first.
///
/// A socket that an ended program left there is replaced.
///
/// # Errors
/// If somebody listens there, the file is no socket, or the path can't be had.
///
/// # Panics
/// Outside a tokio runtime.
pub fn listen(
    path: impl AsRef<Path>,
    config: &Config,
    spoken: &[Subprotocol],
) -> io::Result<UnixListener> {
    let (socket, file) = bind(path.as_ref(), config.mode)?;
    Ok(UnixListener {
        socket: tokio::net::UnixListener::from_std(socket)?,
        path: path.as_ref().to_owned(),
        spoken: spoken.into(),
        unsent_bytes_max: config.unsent_bytes_max,
        _file: file,
    })
}

/// A socket at a path; see [`listen`]. Dropping it removes the file; its links live on.
#[derive(Debug)]
pub struct UnixListener {
    socket: tokio::net::UnixListener,
    path: PathBuf,
    spoken: Arc<[Subprotocol]>,
    unsent_bytes_max: Option<u32>,
    _file: SocketFile,
}

impl UnixListener {
    async fn next(&mut self) -> Box<dyn Incoming> {
        loop {
            // As a plain socket, the peer may be moved to another runtime.
            match self.socket.accept().await.and_then(|(socket, _)| socket.into_std()) {
                Ok(socket) => {
                    let (spoken, unsent_bytes_max) = (self.spoken.clone(), self.unsent_bytes_max);
                    return Box::new(UnixIncoming { socket, spoken, unsent_bytes_max });
                }
                Err(_) => sleep(EXHAUSTED_PAUSE).await,
            }
        }
    }
}

impl Listener for UnixListener {
    fn transport(&self) -> &'static str {
        crate::TRANSPORT
    }

    fn local_address(&self) -> Address {
        Address::Path(self.path.clone())
    }

    fn placement(&self) -> Placement {
        Placement::Anywhere
    }

    fn accept(&mut self) -> BoxFuture<'_, Result<Box<dyn Incoming>, AcceptError>> {
        Box::pin(async { Ok(self.next().await) })
    }
}

/// A peer that has said nothing yet.
struct UnixIncoming {
    socket: StdUnixStream,
    spoken: Arc<[Subprotocol]>,
    unsent_bytes_max: Option<u32>,
}

impl Incoming for UnixIncoming {
    fn peer(&self) -> Address {
        Address::Unnamed
    }

    fn handshake(self: Box<Self>) -> BoxFuture<'static, Result<Box<dyn Link>, HandshakeError>> {
        Box::pin(async move {
            if let Some(bytes) = self.unsent_bytes_max {
                SockRef::from(&self.socket).set_send_buffer_size(bytes as usize)?;
            }
            let socket = UnixStream::from_std(self.socket)?;
            Ok(Box::new(serve(socket, &self.spoken).await?) as Box<dyn Link>)
        })
    }
}
