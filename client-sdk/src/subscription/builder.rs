//! A subscription before it begins.

mod behind;

use std::sync::Arc;

use broker_protocol::frame::LaneOptions;

use super::{MessageStream, Receiving, Subscription, check};
use crate::hub::{Kind, Target};
use crate::inbox::{Bound, Folding, Inbox, Rules};
use crate::standing::Standing;
use crate::{Client, Granted, SubscribeError, Subscriber, subscriber};

/// A subscription with options, before it begins; see [`Client::subscription`].
///
/// ```
/// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/broker.rs")); }
/// # doc::with_client(async |client| {
/// use client_sdk::{LaneOptions, Message, Overflow};
///
/// // Rather lose old messages, and be told how many, than be ended for being slow.
/// let options = LaneOptions { overflow: Some(Overflow::DropOldest), ..LaneOptions::default() };
/// let _subscription = client
///     .subscription("logs.>")
///     .lane_options(options)
///     .inbox(100, 1024 * 1024)
///     .start(|message: &Message| println!("{}", message.topic))
///     .await?;
/// # Ok(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
#[must_use = "nothing is subscribed until it is started"]
pub struct SubscriptionBuilder<'a> {
    client: &'a Client,
    filter: String,
    group: Option<String>,
    presence: bool,
    replay: bool,
    options: LaneOptions,
    inbox: Bound,
    folding: Folding,
}

impl<'a> SubscriptionBuilder<'a> {
    pub(crate) fn new(client: &'a Client, filter: &str) -> Self {
        let inbox = client.hub().config.inbox;
        let options = LaneOptions::default();
        let filter = filter.to_owned();
        let (group, presence, replay, folding) = (None, false, false, Folding::default());
        Self { client, filter, group, presence, replay, options, inbox, folding }
    }

    /// Joins a queue group: each message goes to one member of the group.
    pub fn group(mut self, name: impl Into<String>) -> Self {
        self.group = Some(name.into());
        self
    }

    /// Asks to be told who is subscribed to the filter. Not together with a group.
    pub fn presence(mut self, wanted: bool) -> Self {
        self.presence = wanted;
        self
    }

    /// Begins with what is retained: the last value of each topic and key, as far as publishers
    /// asked for it to be [kept](crate::Publication::retain). These messages say that they are
    /// [replayed](crate::Message::is_replayed); when the last has come,
    /// [`on_caught_up`](Subscriber::on_caught_up) is called. What is published meanwhile comes as
    /// well, and never before an older value of its key. After a reconnect the same happens anew.
    /// Not together with a group.
    ///
    /// However much is retained, the broker sends it at the pace at which it is taken. It doesn't
    /// count against the bound of the lane, nor that of the inbox.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/broker.rs")); }
    /// # doc::with_client(async |client| {
    /// use client_sdk::Message;
    ///
    /// let _lamps = client
    ///     .subscription("lamp.*")
    ///     .replay_last()
    ///     .start(|lamp: &Message| println!("{}: {:?}", lamp.topic, lamp.text()))
    ///     .await?;
    /// # Ok(())
    /// # }).unwrap();
    /// ```
    pub fn replay_last(mut self) -> Self {
        self.replay = true;
        self
    }

    /// How much waits for the subscriber in this program at most, beside what holds its lane's credit
    /// ([`ClientBuilder::receive_window`](crate::ClientBuilder::receive_window)); at least one
    /// message. The client's setting otherwise ([`ClientBuilder::inbox`](crate::ClientBuilder::inbox)).
    pub fn inbox(mut self, messages: usize, bytes: usize) -> Self {
        self.inbox = Bound { messages: messages.max(1), bytes };
        self
    }

    /// Subscribes with callbacks, and waits until the subscription has begun.
    ///
    /// # Errors
    /// See [`Client::subscribe`].
    ///
    /// # Cancel safety
    /// Dropping the future unsubscribes.
    pub async fn start(self, subscriber: impl Subscriber) -> Result<Subscription, SubscribeError> {
        let (client, filter) = (self.client, self.filter.clone());
        let (standing, receiving, granted) = self.begin().await?;
        let inbox = Arc::clone(&receiving.inbox);
        let task = client.hub().runtime.spawn(subscriber::serve(receiving, subscriber));
        Ok(Subscription { standing, task, filter, id: granted.subscription, inbox })
    }

    /// Subscribes with a stream, and waits until the subscription has begun.
    ///
    /// # Errors
    /// See [`Client::subscribe`].
    ///
    /// # Cancel safety
    /// Dropping the future unsubscribes.
    pub async fn stream(self) -> Result<MessageStream, SubscribeError> {
        let filter = self.filter.clone();
        let (standing, receiving, _) = self.begin().await?;
        Ok(MessageStream { standing, receiving, filter, owed: None })
    }

    async fn begin(self) -> Result<(Standing, Receiving, Granted), SubscribeError> {
        check(&self.filter)?;
        let hub = self.client.hub();
        let closed = || SubscribeError::Closed(hub.closed_reason());
        let _turn = hub.commands.acquire().await.map_err(|_| closed())?;
        let inbox = Inbox::new(self.inbox, Rules::ALL).with_folding(self.folding);
        let inbox = Arc::new(inbox);
        let kind =
            Kind::Messages { group: self.group, presence: self.presence, replay: self.replay };
        let target = Target::Inbox(Arc::clone(&inbox));
        let (wish, begun) = hub.wish(&self.filter, kind, self.options, target)?;
        let standing = Standing::new(self.client.clone(), wish);
        let granted = begun.await.map_err(|_| closed())??;
        Ok((standing, Receiving::new(hub, wish, inbox), granted))
    }
}
