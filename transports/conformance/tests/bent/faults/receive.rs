//! Faults of what is received.

use std::task::{Context, Poll, ready};

use transport_api::{Channel, Link, LinkError, Received, Sink};

use crate::bent::Fault;

/// Goes on after the sink has paused.
#[derive(Default)]
pub(crate) struct IgnoresThePause;

impl Fault for IgnoresThePause {
    fn poll_receive(
        &mut self,
        link: &mut dyn Link,
        cx: &mut Context<'_>,
        sink: &mut dyn Sink,
    ) -> Poll<Result<(), LinkError>> {
        let mut ignoring = |received: Received<'_>| {
            sink.receive(received);
            true
        };
        link.poll_receive(cx, &mut [0; 1024], &mut ignoring)
    }
}

/// Forgets what had been read when the sink paused.
#[derive(Default)]
pub(crate) struct LosesBehindThePause;

impl Fault for LosesBehindThePause {
    fn poll_receive(
        &mut self,
        link: &mut dyn Link,
        cx: &mut Context<'_>,
        sink: &mut dyn Sink,
    ) -> Poll<Result<(), LinkError>> {
        let mut goes_on = true;
        let mut losing = |received: Received<'_>| {
            if goes_on {
                goes_on = sink.receive(received);
            }
            true
        };
        link.poll_receive(cx, &mut [0; 1024], &mut losing)
    }
}

/// Joins packets although it has borders.
#[derive(Default)]
pub(crate) struct JoinsPackets;

impl Fault for JoinsPackets {
    fn poll_receive(
        &mut self,
        link: &mut dyn Link,
        cx: &mut Context<'_>,
        sink: &mut dyn Sink,
    ) -> Poll<Result<(), LinkError>> {
        let mut joined = Vec::new();
        let mut joining = |received: Received<'_>| match received {
            Received::Data(Channel::Control, bytes) => {
                joined.extend_from_slice(bytes);
                true
            }
            other => sink.receive(other),
        };
        ready!(link.poll_receive(cx, &mut [0; 1024], &mut joining))?;
        if !joined.is_empty() {
            sink.receive(Received::Data(Channel::Control, &joined));
        }
        Poll::Ready(Ok(()))
    }
}
