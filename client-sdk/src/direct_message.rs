//! Sending to one client by its name.

use std::borrow::Cow;
use std::time::Duration;

use broker_protocol::frame::{self, ClientFrame};

use crate::publication::{acknowledged, check_payload, milliseconds};
use crate::{Body, Client, PublishError};

/// A message to one client, with options that [`Client::send`] doesn't have.
///
/// ```
/// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/broker.rs")); }
/// # doc::with_client(async |client| {
/// use std::time::Duration;
///
/// # let _direct = client.direct(|_: &client_sdk::Message| {})?;
/// let lunch = client.direct_message("bob", "lunch in five minutes?");
/// lunch.expires_in(Duration::from_secs(300)).send().await?;
/// # Ok(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
#[must_use = "a message does nothing until it is sent"]
pub struct DirectMessage<'a> {
    client: &'a Client,
    to: Cow<'a, str>,
    body: Body,
    expires_in: Option<Duration>,
}

impl<'a> DirectMessage<'a> {
    pub(crate) fn new(client: &'a Client, to: impl Into<Cow<'a, str>>, body: Body) -> Self {
        Self { client, to: to.into(), body, expires_in: None }
    }

    /// Says after which time the message is no longer worth delivering, in steps of 1 ms. A client
    /// that has to wait for it that long, behind a slow link or without a connection, isn't delivered
    /// it: what it set up with [`Client::direct`] is told in a [`Gap`](crate::Gap) with the reason
    /// `expired`.
    pub fn expires_in(mut self, time: Duration) -> Self {
        self.expires_in = Some(time);
        self
    }

    /// Sends it and waits for the acknowledgement; see [`Client::send`].
    ///
    /// # Errors
    /// See [`Client::send`].
    ///
    /// # Cancel safety
    /// Dropping the future leaves open whether the message is sent.
    pub async fn send(self) -> Result<(), PublishError> {
        let hub = self.client.hub();
        check_payload(hub, &self.body)?;
        acknowledged(hub, self.to.len() + self.body.size(), |id| self.frame(id)).await
    }

    fn frame(&self, id: u64) -> ClientFrame<'_> {
        ClientFrame::Send(frame::Send {
            id: Some(id),
            to: Cow::Borrowed(&self.to),
            method: None,
            body: self.body.as_frame(),
            expires_in: self.expires_in.map(milliseconds),
        })
    }
}
