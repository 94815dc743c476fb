//! A link with one fault.

use std::task::{Context, Poll};

use transport_api::{Channel, CloseReason, Link, LinkError, Packet, Properties, Sent, Sink};

/// What a fault does otherwise than the link beneath; each method's default is faithful.
pub(crate) trait Fault: Default + Send + 'static {
    fn try_send(
        &mut self,
        link: &mut dyn Link,
        channel: Channel,
        packet: Packet<'_>,
    ) -> Result<Sent, LinkError> {
        link.try_send(channel, packet)
    }

    fn poll_receive(
        &mut self,
        link: &mut dyn Link,
        cx: &mut Context<'_>,
        sink: &mut dyn Sink,
    ) -> Poll<Result<(), LinkError>> {
        link.poll_receive(cx, &mut [0; 1024], sink)
    }

    fn poll_writable(
        &mut self,
        link: &mut dyn Link,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), LinkError>> {
        link.poll_writable(cx)
    }

    fn unsent(&self, link: &dyn Link) -> usize {
        link.unsent()
    }

    fn try_ping(&mut self, link: &mut dyn Link, mark: u64) -> Result<Sent, LinkError> {
        link.try_ping(mark)
    }

    fn close(&mut self, link: &mut dyn Link, reason: CloseReason) {
        link.close(reason);
    }

    fn poll_closed(&mut self, link: &mut dyn Link, cx: &mut Context<'_>) -> Poll<()> {
        link.poll_closed(cx)
    }
}

/// A link with one fault.
pub(crate) struct Bent<F> {
    link: Box<dyn Link>,
    fault: F,
}

impl<F: Fault> Bent<F> {
    pub(crate) fn boxed(link: Box<dyn Link>) -> Box<dyn Link> {
        Box::new(Self { link, fault: F::default() })
    }
}

impl<F: Fault> Link for Bent<F> {
    fn properties(&self) -> &Properties {
        self.link.properties()
    }

    fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        _buffer: &mut [u8],
        sink: &mut dyn Sink,
    ) -> Poll<Result<(), LinkError>> {
        self.fault.poll_receive(self.link.as_mut(), cx, sink)
    }

    fn try_send(&mut self, channel: Channel, packet: Packet<'_>) -> Result<Sent, LinkError> {
        self.fault.try_send(self.link.as_mut(), channel, packet)
    }

    fn poll_writable(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LinkError>> {
        self.fault.poll_writable(self.link.as_mut(), cx)
    }

    fn unsent(&self) -> usize {
        self.fault.unsent(self.link.as_ref())
    }

    fn try_ping(&mut self, mark: u64) -> Result<Sent, LinkError> {
        self.fault.try_ping(self.link.as_mut(), mark)
    }

    fn close(&mut self, reason: CloseReason) {
        self.fault.close(self.link.as_mut(), reason);
    }

    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.fault.poll_closed(self.link.as_mut(), cx)
    }
}
