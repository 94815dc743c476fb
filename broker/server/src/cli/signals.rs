//! SIGINT and SIGTERM: the first asks for an end in good order, the second ends at once.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use super::outcome::Outcome;

/// Both signals that ask a program to end.
#[derive(Debug, Clone)]
pub(crate) struct Signals {
    asked: watch::Receiver<bool>,
}

impl Signals {
    /// Takes the signals over from now on, in a task of its own: whatever else the program is doing,
    /// the second signal ends it.
    ///
    /// # Errors
    /// When the system refuses the handlers.
    pub(crate) fn take() -> io::Result<Self> {
        let interrupt = signal(SignalKind::interrupt())?;
        let terminate = signal(SignalKind::terminate())?;
        let (asks, asked) = watch::channel(false);
        tokio::spawn(wait_for_two(interrupt, terminate, asks));
        Ok(Self { asked })
    }

    /// Waits for the first one.
    ///
    /// # Cancel safety
    /// No signal is lost when the future is dropped.
    pub(crate) async fn asked(&mut self) {
        if self.asked.wait_for(|asked| *asked).await.is_err() {
            // The runtime is ending, and with it whoever waits here.
            std::future::pending::<()>().await;
        }
    }
}

async fn wait_for_two(mut interrupt: Signal, mut terminate: Signal, asks: watch::Sender<bool>) {
    for first in [true, false] {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        if !first {
            std::process::exit(i32::from(Outcome::Interrupted.code()));
        }
        asks.send_replace(true);
    }
}
