//! The promises that every transport makes, over sockets in a directory of their own.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use transport_api::{BoxFuture, Subprotocol};
use transport_conformance::{Bounds, CloseReasons, Fixture, Guard, Place, Stranger};
use transport_unix::{Config, UnixConnector, listen};

struct Sockets {
    directory: TempDir,
    made: AtomicUsize,
}

impl Sockets {
    fn new() -> Self {
        Self { directory: TempDir::new().expect("a directory"), made: AtomicUsize::new(0) }
    }
}

impl Fixture for Sockets {
    fn listen<'a>(&'a self, spoken: &'a [Subprotocol]) -> BoxFuture<'a, Place> {
        Box::pin(async move {
            let name = self.made.fetch_add(1, Ordering::Relaxed).to_string();
            let path = self.directory.path().join(name);
            let listener = listen(&path, &Config::default(), spoken).expect("the path is free");
            let url = format!("unix:{}", path.display());
            Place { listener: Box::new(listener), connector: Box::new(UnixConnector), url }
        })
    }

    fn bounds(&self) -> Bounds {
        // A byte stream has no words for a reason; the quiet is what a local socket needs.
        Bounds {
            close_reasons: CloseReasons::Wordless,
            in_flight_bytes_max: 512 * 1024,
            quiet: Duration::from_millis(100),
            ..Bounds::default()
        }
    }

    fn stranger<'a>(&'a self, url: &'a str, stranger: Stranger) -> Option<BoxFuture<'a, Guard>> {
        Some(Box::pin(async move {
            let path = url.trim_start_matches("unix:");
            let mut socket = UnixStream::connect(path).await.expect("somebody listens");
            if stranger == Stranger::Garbage {
                socket.write_all(&[0xFF; 1000]).await.expect("it is taken");
            }
            Guard::new(socket)
        }))
    }
}

transport_conformance::conformance_tests!(Sockets::new());
