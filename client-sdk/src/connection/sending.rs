//! What goes to the broker: control first, then what the program said, packet by packet.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use broker_protocol::frame::{ClientFrame, Disconnect};
use bytes::BytesMut;
use tokio::time::{Instant, Sleep, sleep};
use transport_api::{Channel, Link, LinkError, Packet, Sent};

use super::ROUNDS_MAX;
use crate::hub::{Gathered, Hub};

/// Pings and pongs that wait for the link at most, in bytes.
const CONTROL_BYTES_MAX: usize = 16 * 1024;

/// What goes to the broker.
pub(super) struct Sending {
    hub: Arc<Hub>,
    control: BytesMut,
    packet: BytesMut,
    blocked: bool,
    /// Whether the session is open.
    open: bool,
    goodbye: bool,
    /// When the broker is told of what was consumed, if nothing else has it told before.
    telling: Option<Pin<Box<Sleep>>>,
}

impl Sending {
    pub(super) fn new(hub: Arc<Hub>) -> Self {
        let (control, packet) = (BytesMut::new(), BytesMut::new());
        Self { hub, control, packet, blocked: false, open: false, goodbye: false, telling: None }
    }

    /// Lets go what the program says.
    pub(super) fn open(&mut self) {
        self.open = true;
    }

    /// Says something of the connection's own.
    pub(super) fn say(&mut self, frame: &ClientFrame<'_>) {
        self.hub.config.codec.write_client(frame, &mut self.control);
    }

    /// Whether more waits for the link than may.
    pub(super) fn is_overrun(&self) -> bool {
        self.control.len() > CONTROL_BYTES_MAX || self.hub.is_overrun()
    }

    /// Whether the program has asked to close, or wakes the task when it does.
    pub(super) fn poll_closing(&self, cx: &Context<'_>) -> bool {
        self.goodbye || self.open && self.hub.poll_closing(cx)
    }

    pub(super) fn said_goodbye(&self) -> bool {
        self.goodbye
    }

    /// Hands packets to the link until it takes no more or there are none.
    pub(super) fn poll(
        &mut self,
        link: &mut dyn Link,
        cx: &mut Context<'_>,
    ) -> Result<(), LinkError> {
        for _ in 0..ROUNDS_MAX {
            if self.blocked {
                match link.poll_writable(cx) {
                    Poll::Ready(writable) => writable?,
                    Poll::Pending => return Ok(()),
                }
                self.blocked = false;
            }
            if self.packet.is_empty() && !self.fill(cx) {
                link.end_turn();
                return Ok(());
            }
            let sent = link.try_send(Channel::Control, Packet::lent(&self.packet))?;
            if sent != Sent::Refused {
                self.packet.clear();
            }
            self.blocked = sent != Sent::Taken;
        }
        cx.waker().wake_by_ref();
        Ok(())
    }

    /// Fills the packet. Returns whether there is something in it.
    fn fill(&mut self, cx: &mut Context<'_>) -> bool {
        if self.open && !self.goodbye {
            let Self { hub, control, .. } = self;
            let tell = |told| hub.config.codec.write_client(&ClientFrame::Consumed(told), control);
            if let Some(after) = hub.credit.poll_due(cx, tell) {
                self.wait_to_tell(after, cx);
            }
        }
        std::mem::swap(&mut self.packet, &mut self.control);
        if self.open && !self.goodbye {
            match self.hub.gather(&mut self.packet, cx) {
                Gathered::Frames | Gathered::Nothing => {}
                Gathered::Finished => {
                    self.goodbye = true;
                    let goodbye = ClientFrame::Disconnect(Disconnect::default());
                    self.hub.config.codec.write_client(&goodbye, &mut self.packet);
                }
            }
        }
        !self.packet.is_empty()
    }

    /// Has the task woken after so long, or sooner if that was wanted before.
    fn wait_to_tell(&mut self, after: Duration, cx: &mut Context<'_>) {
        let timer = self.telling.get_or_insert_with(|| Box::pin(sleep(after)));
        let until = Instant::now() + after;
        if timer.is_elapsed() || timer.deadline() > until {
            timer.as_mut().reset(until);
        }
        if timer.as_mut().poll(cx).is_ready() {
            cx.waker().wake_by_ref();
        }
    }
}
