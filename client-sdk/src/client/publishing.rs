//! What a client publishes, and what it sends to one other by name.

use std::borrow::Cow;

use crate::{Body, Client, DirectMessage, Publication, PublishError};

impl Client {
    /// Publishes a message, without waiting for more than room in the outgoing queue.
    ///
    /// Fire and forget: a message that is under way when the connection is lost may be lost with
    /// it, and a refusal is told by [`ClientBuilder::on_refused`](crate::ClientBuilder::on_refused) alone. Messages of one task go out
    /// in the order of the calls. While the connection is lost they wait in the queue.
    ///
    /// # Errors
    /// If the topic or the payload can't be published, or the client is closed.
    ///
    /// # Cancel safety
    /// Dropping the future before it is done means that nothing was published.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/broker.rs")); }
    /// # doc::with_client(async |client| {
    /// client.publish("chat.room", "hello").await?;
    /// # Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn publish(&self, topic: &str, body: impl Into<Body>) -> Result<(), PublishError> {
        Publication::new(self, topic, body.into()).publish().await
    }

    /// Publishes a message if there is room in the outgoing queue.
    ///
    /// # Errors
    /// As [`Client::publish`], and [`PublishError::Full`].
    pub fn try_publish(&self, topic: &str, body: impl Into<Body>) -> Result<(), PublishError> {
        Publication::new(self, topic, body.into()).try_publish()
    }

    /// Publishes a message and waits for the acknowledgement: the message has its place in the
    /// topic's order, and will be delivered to everybody who was subscribed at that point.
    ///
    /// Waits in the queue while the connection is lost, up to the request time-out in all.
    ///
    /// # Errors
    /// As [`Client::publish`]; if the broker refuses; [`PublishError::Disconnected`] and
    /// [`PublishError::TimedOut`] if nobody knows the outcome.
    ///
    /// # Cancel safety
    /// Dropping the future leaves open whether the message is published.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/broker.rs")); }
    /// # doc::with_client(async |client| {
    /// client.publish_acked("orders.new", client_sdk::Body::json(r#"{"id": 7}"#)).await?;
    /// # Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn publish_acked(
        &self,
        topic: &str,
        body: impl Into<Body>,
    ) -> Result<(), PublishError> {
        Publication::new(self, topic, body.into()).publish_acked().await
    }

    /// Begins a message with further options.
    pub fn publication<'a>(
        &'a self,
        topic: impl Into<Cow<'a, str>>,
        body: impl Into<Body>,
    ) -> Publication<'a> {
        Publication::new(self, topic, body.into())
    }

    /// Sends a message to one client, by its name, and waits for the acknowledgement: the message
    /// waits in that client's lane. It arrives at what it set up with [`Client::direct`].
    ///
    /// # Errors
    /// As [`Client::publish_acked`], [`PublishError::NoSuchClient`] and [`PublishError::Busy`].
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/broker.rs")); }
    /// # doc::with_client(async |client| {
    /// # let _direct = client.direct(|_: &client_sdk::Message| {})?;
    /// client.send("bob", "are you there?").await?;
    /// # Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn send(&self, to: &str, body: impl Into<Body>) -> Result<(), PublishError> {
        self.direct_message(to, body).send().await
    }

    /// Begins a message to one client with further options.
    pub fn direct_message<'a>(
        &'a self,
        to: impl Into<Cow<'a, str>>,
        body: impl Into<Body>,
    ) -> DirectMessage<'a> {
        DirectMessage::new(self, to, body.into())
    }
}
