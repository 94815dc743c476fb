//! Faults of how a link ends.

use std::task::{Context, Poll};

use transport_api::{Channel, CloseCode, CloseReason, Link, LinkError, Packet, Sent, Sink};

use crate::bent::Fault;

/// Closes without the reason.
#[derive(Default)]
pub(crate) struct SwallowsTheReason;

impl Fault for SwallowsTheReason {
    fn close(&mut self, link: &mut dyn Link, reason: CloseReason) {
        link.close(CloseReason::new(reason.code, ""));
    }
}

/// Closes with another code.
#[derive(Default)]
pub(crate) struct ClosesNormally;

impl Fault for ClosesNormally {
    fn close(&mut self, link: &mut dyn Link, reason: CloseReason) {
        link.close(CloseReason::new(CloseCode::Normal, reason.text().to_owned()));
    }
}

/// Is done with closing before everything has left.
#[derive(Default)]
pub(crate) struct ClosesTooSoon;

impl Fault for ClosesTooSoon {
    fn poll_closed(&mut self, _link: &mut dyn Link, _cx: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}

/// Goes on taking packets after it was closed.
#[derive(Default)]
pub(crate) struct TakesAfterClosing;

impl Fault for TakesAfterClosing {
    fn try_send(
        &mut self,
        link: &mut dyn Link,
        channel: Channel,
        packet: Packet<'_>,
    ) -> Result<Sent, LinkError> {
        match link.try_send(channel, packet) {
            Err(LinkError::ClosedHere) => Ok(Sent::Taken),
            other => other,
        }
    }
}

/// Tells a peer that vanished as one that closed in good order.
#[derive(Default)]
pub(crate) struct GlossesOverDeath;

impl Fault for GlossesOverDeath {
    fn poll_receive(
        &mut self,
        link: &mut dyn Link,
        cx: &mut Context<'_>,
        sink: &mut dyn Sink,
    ) -> Poll<Result<(), LinkError>> {
        link.poll_receive(cx, &mut [0; 1024], sink).map_err(|error| match error {
            LinkError::Broken(_) => LinkError::Closed(CloseReason::new(CloseCode::Normal, "")),
            other => other,
        })
    }
}

/// Doesn't notice at any method that its peer vanished.
#[derive(Default)]
pub(crate) struct NeverNoticesDeath;

impl Fault for NeverNoticesDeath {
    fn try_send(
        &mut self,
        link: &mut dyn Link,
        channel: Channel,
        packet: Packet<'_>,
    ) -> Result<Sent, LinkError> {
        match link.try_send(channel, packet) {
            Err(LinkError::Broken(_)) => Ok(Sent::Taken),
            other => other,
        }
    }

    fn poll_receive(
        &mut self,
        link: &mut dyn Link,
        cx: &mut Context<'_>,
        sink: &mut dyn Sink,
    ) -> Poll<Result<(), LinkError>> {
        match link.poll_receive(cx, &mut [0; 1024], sink) {
            Poll::Ready(Err(LinkError::Broken(_))) => Poll::Pending,
            other => other,
        }
    }

    fn poll_writable(
        &mut self,
        link: &mut dyn Link,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), LinkError>> {
        match link.poll_writable(cx) {
            Poll::Ready(Err(LinkError::Broken(_))) => Poll::Pending,
            other => other,
        }
    }
}
