//! How a link ends: the closing words of both ends, and that they arrive.

use std::task::{Context, Poll, ready};

use transport_api::{CloseReason, LinkError};

use super::WebSocketLink;
use crate::reader::{Event, ReadError};

/// Memory on the stack for what is read only to be thrown away, in bytes.
const DISCARD_BYTES: usize = 4096;

/// How far the closing has come (RFC 6455 §7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Open,
    /// We said our closing word; the peer's isn't here yet.
    Closing,
    /// Both have said it, or it no longer matters: what is kept back leaves, and that is all.
    Leaving,
    /// The peer broke the rules and was told so. What it still sends is thrown away, for closing a
    /// socket with unread bytes would take our last words with it.
    Discarding,
    Closed,
}

impl WebSocketLink {
    /// The peer broke a rule: tell it and end the link.
    pub(super) fn fail(&mut self, error: ReadError) -> LinkError {
        self.outbox.queue_close(Some(error.close_code()), &error.to_string());
        self.leave(State::Discarding);
        match error {
            ReadError::TooLarge { bytes, limit } => LinkError::TooLarge { bytes, limit },
            error => LinkError::Protocol { reason: error.to_string() },
        }
    }

    /// The peer said its closing word: answer with its code (RFC 6455 §5.5.1) and end the link.
    pub(super) fn peer_closed(&mut self, code: Option<u16>, reason: CloseReason) -> LinkError {
        self.outbox.queue_close(code, "");
        self.leave(State::Leaving);
        LinkError::Closed(reason)
    }

    /// Goes on to a state in which nothing more is sent, trying at once what `poll_closed` may
    /// never be asked to do.
    fn leave(&mut self, state: State) {
        self.state = state;
        match self.outbox.flush(&mut self.stream) {
            Ok(true) if state == State::Closing => {}
            Ok(true) => self.finish(),
            Ok(false) => {}
            Err(_) => self.state = State::Closed,
        }
    }

    /// Everything has left: tell the peer's system that nothing more comes.
    fn finish(&mut self) {
        self.stream.announce_end();
        let _ = self.stream.try_flush();
        self.stream.shut_down();
    }

    /// Says our closing word, and waits for the peer's.
    pub(super) fn say_goodbye(&mut self, reason: &CloseReason) {
        if self.state == State::Open {
            self.outbox.queue_close(Some(reason.code.websocket()), reason.text());
            self.leave(State::Closing);
        }
    }

    /// Waits until what is kept back has left and nothing of the peer's matters any more.
    pub(super) fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if matches!(self.state, State::Open | State::Closed) {
            return Poll::Ready(());
        }
        // Before all has left: a peer that is blocked as well may first have to be read.
        let last_words = self.poll_last_words(cx);
        if ready!(self.poll_flush(cx)).is_ok() {
            if self.state != State::Closing {
                self.finish();
            }
            ready!(last_words);
            self.finish();
        }
        self.state = State::Closed;
        Poll::Ready(())
    }

    /// Reads until the peer's closing word or its end, for nobody.
    fn poll_last_words(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.state == State::Leaving {
            return Poll::Ready(());
        }
        let mut buffer = [0; DISCARD_BYTES];
        let mut ignore = |_: Event<'_>| true;
        if self.state == State::Closing {
            let _ = self.reader.read(&mut self.held.take_all(), &mut ignore);
        }
        while !(self.state == State::Closing && self.reader.is_ended()) {
            match ready!(self.stream.poll_read(cx, &mut buffer)) {
                Ok(0) | Err(_) => break,
                Ok(read) if self.state == State::Closing => {
                    let _ = self.reader.read(&mut buffer[..read], &mut ignore);
                }
                Ok(_) => {}
            }
        }
        Poll::Ready(())
    }
}
