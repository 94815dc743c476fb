//! Requests of a client, and those that it answers.

use std::time::Duration;

use crate::{
    Body, Client, Provider, Reply, RequestError, Serving, ServingBuilder, SubscribeError, request,
};

impl Client {
    /// Asks whoever serves a topic, and waits for the answer up to the request time-out. On
    /// `$broker.sessions` and `$broker.stats` the broker itself answers.
    ///
    /// # Errors
    /// [`RequestError::NobodyAnswers`] comes at once. See [`RequestError`].
    ///
    /// # Cancel safety
    /// Dropping the future cancels the request: its provider is told.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/broker.rs")); }
    /// # doc::with_client(async |client| {
    /// # let _serving = client
    /// #     .provide("math.double", async |_: client_sdk::Request| Ok("42".into()))
    /// #     .await?;
    /// let reply = client.request("math.double", "21").await?;
    /// assert_eq!(reply.text(), Some("42"));
    /// # Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn request(&self, topic: &str, body: impl Into<Body>) -> Result<Reply, RequestError> {
        let timeout = self.hub().config.request_timeout;
        self.request_within(timeout, topic, body).await
    }

    /// Asks whoever serves a topic, and waits for the answer up to a time of one's own.
    ///
    /// # Errors
    /// See [`Client::request`].
    ///
    /// # Cancel safety
    /// Dropping the future cancels the request: its provider is told.
    pub async fn request_within(
        &self,
        timeout: Duration,
        topic: &str,
        body: impl Into<Body>,
    ) -> Result<Reply, RequestError> {
        request::request(self.hub(), topic, body.into(), timeout).await
    }

    /// Answers the requests of a topic, or of all topics that a filter matches. Waits until the
    /// serving has begun; dropping the returned guard ends it.
    ///
    /// # Errors
    /// See [`Client::subscribe`].
    ///
    /// # Cancel safety
    /// Dropping the future ends the serving.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/broker.rs")); }
    /// # doc::with_client(async |client| {
    /// use client_sdk::{Refusal, Request};
    ///
    /// let _serving = client
    ///     .provide("echo", async |request: Request| Ok::<_, Refusal>(request.body))
    ///     .await?;
    /// # Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn provide(
        &self,
        filter: &str,
        provider: impl Provider,
    ) -> Result<Serving, SubscribeError> {
        self.providing(filter).start(provider).await
    }

    /// Begins a serving with further options.
    pub fn providing(&self, filter: &str) -> ServingBuilder<'_> {
        ServingBuilder::new(self, filter)
    }
}
