//! One connection: the task that owns the link and does everything that must not wait.
//!
//! It receives, sorts what came into the subscribers' inboxes, answers pings, and sends what the
//! hub holds. User code never runs here.

mod alive;
mod early;
mod frames;
mod guard;
mod incoming;
mod positions;
mod reading;
mod routes;
mod sending;

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use broker_protocol::DecodeError;
use broker_protocol::frame::{ClientFrame, ClientInfo, Connect, Shutdown};
use tokio::time::timeout;
use transport_api::{CloseCode, CloseReason, Link, LinkError};

use crate::hub::Hub;
use crate::publication::milliseconds;
use alive::Alive;
use incoming::Incoming;
use reading::with_buffer;
pub(crate) use routes::{DIRECT_PREFIX, Routes};
use sending::Sending;

/// How often a link is received from before others get their turn.
const ROUNDS_MAX: usize = 16;

/// How long a closing link may take to tell its peer.
const LINK_CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Why a connection has ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum End {
    #[error("{0}")]
    Link(#[from] LinkError),
    #[error("the broker sent what can't be read: {0}")]
    Malformed(#[from] DecodeError),
    #[error("the broker sent a `{0}` where none is allowed")]
    Unexpected(&'static str),
    #[error("the broker asks faster than answers can be sent")]
    ControlOverrun,
    #[error("no sign of life from the broker for {0:?}")]
    Silent(Duration),
    #[error("the broker ended the connection: {} ({})", .0.reason, .0.code)]
    Told(Shutdown),
    #[error("the broker doesn't know any more what it answered; the session begins anew")]
    Doubtful,
    #[error("closed by this program")]
    Asked,
}

impl End {
    /// What the peer is told of it.
    fn close_reason(&self) -> CloseReason {
        let (code, text) = match self {
            Self::Malformed(_) | Self::Unexpected(_) => (CloseCode::Protocol, self.to_string()),
            Self::ControlOverrun => (CloseCode::Refused, self.to_string()),
            Self::Silent(_) => (CloseCode::GoingAway, self.to_string()),
            // In good order: the session ends with it.
            Self::Doubtful => (CloseCode::Normal, self.to_string()),
            Self::Link(_) | Self::Told(_) | Self::Asked => (CloseCode::Normal, String::new()),
        };
        CloseReason::new(code, text)
    }
}

/// One connection.
pub(crate) struct Connection {
    link: Box<dyn Link>,
    incoming: Incoming,
    sending: Sending,
    alive: Alive,
    /// How it ended, if that came together with its beginning.
    ended: Option<End>,
}

impl Connection {
    /// Takes a link and says `connect`.
    pub(crate) fn new(link: Box<dyn Link>, hub: Arc<Hub>) -> Self {
        let mut sending = Sending::new(Arc::clone(&hub));
        sending.say(&connect_frame(&hub));
        let alive = Alive::new(hub.config.ping_interval(), hub.config.close_timeout);
        let incoming = Incoming::new(hub, link.properties());
        Self { link, incoming, sending, alive, ended: None }
    }

    /// Waits until the session is open. Nothing but `connect` is sent until then. If it has ended in
    /// the same moment, [`Connection::run`] says how.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub(crate) async fn opened(&mut self) -> Result<(), End> {
        poll_fn(|cx| match (self.poll(cx), self.incoming.is_open()) {
            (Poll::Ready(end), true) => {
                self.ended = Some(end);
                Poll::Ready(Ok(()))
            }
            (Poll::Ready(end), false) => Poll::Ready(Err(end)),
            (Poll::Pending, true) => Poll::Ready(Ok(())),
            (Poll::Pending, false) => Poll::Pending,
        })
        .await
    }

    /// Does everything until the connection ends, and closes the link.
    pub(crate) async fn run(mut self) -> End {
        self.sending.open();
        let end = match self.ended.take() {
            Some(end) => end,
            None => poll_fn(|cx| self.poll(cx)).await,
        };
        self.close(&end).await;
        end
    }

    /// Closes the link.
    pub(crate) async fn close(mut self, end: &End) {
        self.link.close(end.close_reason());
        let closed = poll_fn(|cx| self.link.poll_closed(cx));
        if timeout(LINK_CLOSE_TIMEOUT, closed).await.is_err() {
            tracing::debug!("the link didn't close in time");
        }
        self.incoming.end();
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        if let Poll::Ready(end) = self.poll_receive(cx) {
            // What comes after the goodbye is its answer, or the end of the link without one.
            return Poll::Ready(if self.sending.said_goodbye() { End::Asked } else { end });
        }
        if let Some(ping) = self.alive.poll_ping(cx) {
            match ping {
                Ok(ping) => self.sending.say(&ClientFrame::Ping(ping)),
                Err(end) => return Poll::Ready(end),
            }
        }
        if let Err(error) = self.sending.poll(self.link.as_mut(), cx) {
            return Poll::Ready(error.into());
        }
        if self.sending.poll_closing(cx) {
            ready!(self.alive.poll_close(cx));
            return Poll::Ready(End::Asked);
        }
        Poll::Pending
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        for _ in 0..ROUNDS_MAX {
            let Self { link, incoming, .. } = self;
            let received = with_buffer(|buffer| link.poll_receive(cx, buffer, incoming));
            if self.incoming.take_heard() {
                self.alive.heard();
            }
            if let Some(end) = self.incoming.take_end() {
                return Poll::Ready(end);
            }
            match received {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(error.into()),
                Poll::Pending => return self.answer_pings(),
            }
        }
        cx.waker().wake_by_ref();
        self.answer_pings()
    }

    fn answer_pings(&mut self) -> Poll<End> {
        for pong in self.incoming.take_pongs() {
            self.sending.say(&ClientFrame::Pong(pong));
        }
        if self.sending.is_overrun() { Poll::Ready(End::ControlOverrun) } else { Poll::Pending }
    }
}

fn connect_frame(hub: &Hub) -> ClientFrame<'static> {
    let config = &hub.config;
    let sdk = concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION"));
    ClientFrame::Connect(Connect {
        version: 1,
        client: ClientInfo { name: config.name.clone(), sdk: Some(sdk.to_owned()) },
        credential: config.credential.clone(),
        receive_window: config.receive_window,
        resume: hub.resume(),
        ping_interval: config.ping_interval.map(milliseconds),
        session_expiry: config.session_expiry.map(milliseconds),
        ..Connect::default()
    })
}
