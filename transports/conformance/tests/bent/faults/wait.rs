//! Faults of waiting.

use std::task::{Context, Poll, Waker};

use transport_api::{Link, LinkError, Sink};

use crate::bent::Fault;

/// Never becomes writable again.
#[derive(Default)]
pub(crate) struct NeverWritable;

impl Fault for NeverWritable {
    fn poll_writable(
        &mut self,
        _link: &mut dyn Link,
        _cx: &mut Context<'_>,
    ) -> Poll<Result<(), LinkError>> {
        Poll::Pending
    }
}

/// Becomes writable and wakes nobody.
#[derive(Default)]
pub(crate) struct NeverWakesTheWriter;

impl Fault for NeverWakesTheWriter {
    fn poll_writable(
        &mut self,
        link: &mut dyn Link,
        _cx: &mut Context<'_>,
    ) -> Poll<Result<(), LinkError>> {
        link.poll_writable(&mut Context::from_waker(Waker::noop()))
    }
}

/// Receives and wakes nobody.
#[derive(Default)]
pub(crate) struct NeverWakesTheReader;

impl Fault for NeverWakesTheReader {
    fn poll_receive(
        &mut self,
        link: &mut dyn Link,
        _cx: &mut Context<'_>,
        sink: &mut dyn Sink,
    ) -> Poll<Result<(), LinkError>> {
        link.poll_receive(&mut Context::from_waker(Waker::noop()), &mut [0; 1024], sink)
    }
}

/// Wakes its task all the time while it is blocked.
#[derive(Default)]
pub(crate) struct BusyWhileBlocked;

impl Fault for BusyWhileBlocked {
    fn poll_writable(
        &mut self,
        link: &mut dyn Link,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), LinkError>> {
        cx.waker().wake_by_ref();
        link.poll_writable(cx)
    }
}

/// Says that it is writable while it is not.
#[derive(Default)]
pub(crate) struct AlwaysWritable;

impl Fault for AlwaysWritable {
    fn poll_writable(
        &mut self,
        link: &mut dyn Link,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), LinkError>> {
        let _ = link.poll_writable(cx)?;
        Poll::Ready(Ok(()))
    }
}

/// Says that something is unsent for ever.
#[derive(Default)]
pub(crate) struct NeverAllSent;

impl Fault for NeverAllSent {
    fn unsent(&self, link: &dyn Link) -> usize {
        link.unsent().max(1)
    }
}
