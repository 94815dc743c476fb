//! Subscribing, and the guards of what was begun.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use broker_delivery::check_filter;
use broker_delivery::fold::Fold;
use broker_protocol::frame::{Keep, LaneOptions};
use tokio::task::JoinHandle;

use crate::credit::Owed;
use crate::hub::{Hub, Kind, Target, WishId};
use crate::inbox::{Bound, Folding, Held, Inbox, Rules};
use crate::standing::Standing;
use crate::{
    Client, Event, Granted, LagError, SubscribeError, Subscriber, SubscriptionLag, subscriber,
};

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

    /// What survives while this subscription is behind: all of it; the `n` newest messages of each
    /// key, as [`Client::subscribe_latest`] with `n` 1; or one message of each key that does what all
    /// of them do, if they are [merged](crate::fold). Sets that option alone.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/broker.rs")); }
    /// # doc::with_client(async |client| {
    /// use client_sdk::{Keep, Message};
    ///
    /// // The last three positions of each vehicle, to draw a trail.
    /// let _subscription = client
    ///     .subscription("vehicles.*.position")
    ///     .keep(Keep::Latest(3))
    ///     .start(|position: &Message| println!("{}: {}", position.topic, position.seq))
    ///     .await?;
    /// # Ok(())
    /// # }).unwrap();
    /// ```
    pub fn keep(mut self, keep: Keep) -> Self {
        self.options.keep = Some(keep);
        self
    }

    /// The newest message of each key, as datagrams where the link has them (QUIC), which aren't sent
    /// again when they get lost: for values that are soon replaced, over networks that lose. What is
    /// granted says whether they are datagrams ([`Event::Subscribed`]). Sets `unreliable`, and `keep` to
    /// [`Keep::Latest`] of one message.
    ///
    /// No older value of a key is delivered after a newer one. A lost value isn't told: the next one
    /// takes its place. If the last one gets lost, nothing tells that either.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/broker.rs")); }
    /// # doc::with_client(async |client| {
    /// use client_sdk::Message;
    ///
    /// let _subscription = client
    ///     .subscription("vehicles.*.position")
    ///     .unreliable()
    ///     .start(|position: &Message| println!("{}: {}", position.topic, position.seq))
    ///     .await?;
    /// # Ok(())
    /// # }).unwrap();
    /// ```
    pub fn unreliable(mut self) -> Self {
        self.options.keep = Some(Keep::Latest(1));
        self.options.unreliable = Some(true);
        self
    }

    /// At most one delivery of each key in so long (whole milliseconds), however fast this subscription
    /// is; of a subscription that keeps `n`, `n` values. An isolated value comes at once, and the last of a
    /// burst when the time is over. Where nothing else is kept, this keeps the newest. Sets that option
    /// alone.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/broker.rs")); }
    /// # doc::with_client(async |client| {
    /// use std::time::Duration;
    ///
    /// use client_sdk::{Keep, Message};
    ///
    /// // A display that is drawn ten times a second.
    /// let _subscription = client
    ///     .subscription("sensors.>")
    ///     .keep(Keep::Latest(1))
    ///     .min_interval(Duration::from_millis(100))
    ///     .start(|value: &Message| println!("{}: {:?}", value.topic, value.text()))
    ///     .await?;
    /// # Ok(())
    /// # }).unwrap();
    /// ```
    pub fn min_interval(mut self, interval: Duration) -> Self {
        let interval = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX);
        self.options.min_interval = Some(interval);
        if self.options.keep.is_none() && interval > 0 {
            self.options.keep = Some(Keep::Latest(1));
        }
        self
    }

    /// How what waits in this program is folded with [`Keep::Merge`]; by JSON Merge Patch (RFC 7396)
    /// otherwise. Where the broker folds a topic by a rule of its own, bring the same.
    pub fn fold(mut self, rule: impl Fold + 'static) -> Self {
        self.folding = Folding::by(Arc::new(rule));
        self
    }

    /// What the broker does while this subscription is behind; all options at once. Subscriptions
    /// with equal options share a lane; 15 different ones are possible beside the default in one
    /// session, those included in which nothing is subscribed any more.
    ///
    /// What is granted holds in this program too. With `keep: latest(n)` what comes while the
    /// subscriber is busy, and finds something waiting, is conflated in the inbox by the broker's
    /// rule: a key that waits keeps its place and takes the newest values; what they took the place
    /// of is told in front of them, with the cause
    /// [`GapCause::Conflated`](crate::GapCause::Conflated). Nothing moves across an event that is
    /// neither a message nor a gap.
    ///
    /// What comes while a callback is busy holds the credit of its lane, which the broker grants: of
    /// a lane that this subscription has for itself all of it may wait here, and nothing more is sent
    /// meanwhile. Where several share a lane, one holds a quarter of it at most, and all together
    /// half. What comes above is this subscription's own, and counts against the inbox's bound; so
    /// does everything where the connection takes no part in credit.
    ///
    /// At the inbox's bound the overflow rule decides. With `drop-oldest`, the default of
    /// `latest(n)`, the oldest go, a key with all that waits of it, and are told in a gap with the
    /// cause [`GapCause::SlowSubscriber`](crate::GapCause::SlowSubscriber); otherwise this
    /// subscription ends with [`Ended::TooSlow`](crate::Ended::TooSlow), once what waits is
    /// delivered. With `resync` the broker discards what waits there, tells it, and sends what is
    /// retained; in this program, which has nothing to send, it is `drop-oldest`.
    pub fn lane_options(mut self, options: LaneOptions) -> Self {
        self.options = options;
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

pub(crate) fn check(filter: &str) -> Result<(), SubscribeError> {
    check_filter(filter).map_err(|error| SubscribeError::InvalidFilter {
        filter: filter.to_owned(),
        reason: error.to_string(),
    })
}

/// The reading end of an inbox. If it goes away first, as by a panic in a callback, the wish ends.
#[derive(Debug)]
pub(crate) struct Receiving {
    hub: Arc<Hub>,
    wish: WishId,
    inbox: Arc<Inbox>,
}

impl Receiving {
    pub(crate) fn new(hub: &Arc<Hub>, wish: WishId, inbox: Arc<Inbox>) -> Self {
        Self { hub: Arc::clone(hub), wish, inbox }
    }

    pub(crate) fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Option<Held>> {
        self.inbox.poll_next(cx)
    }

    pub(crate) fn try_next(&self) -> Option<Held> {
        self.inbox.try_next()
    }

    /// How many messages wait together at most.
    pub(crate) fn messages_max(&self) -> usize {
        self.inbox.messages_max()
    }
}

impl Drop for Receiving {
    fn drop(&mut self) {
        self.hub.leave_now(self.wish);
    }
}

/// The guard of a subscription: dropping it unsubscribes.
///
/// After it is dropped only the end is still told to the subscriber, of a batch that has begun and
/// of the subscription; what waited is discarded. A call that is being made goes on.
#[derive(Debug)]
#[must_use = "dropping the guard unsubscribes"]
pub struct Subscription {
    standing: Standing,
    task: JoinHandle<()>,
    filter: String,
    id: u64,
    inbox: Arc<Inbox>,
}

impl Subscription {
    /// The number that the broker gave to the subscription when it first began.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The filter.
    pub fn filter(&self) -> &str {
        &self.filter
    }

    /// Changes the options of the lane in which it is delivered, as
    /// [`SubscriptionBuilder::lane_options`] sets them: all at once. Nothing is missing or doubled, and
    /// the order stays: where the subscription goes on in another lane, what comes there waits until
    /// what was to come before has come. [`Subscriber::on_subscribed`] is called with what is granted
    /// where it begins to hold.
    ///
    /// # Errors
    /// What the broker or a bound says against it: then the options are as before. Subscriptions with
    /// presence, and members of queue groups, that share a lane can't change them.
    ///
    /// # Cancel safety
    /// Dropping the future doesn't undo the change.
    pub async fn set_options(&self, options: LaneOptions) -> Result<Granted, SubscribeError> {
        self.standing.change(options).await
    }

    /// How far behind this subscription is: what waits in its lane at the broker, and in this program
    /// for its callback.
    ///
    /// # Errors
    /// See [`Client::lag`].
    pub async fn lag(&self) -> Result<SubscriptionLag, LagError> {
        self.standing.lag(&self.filter, &self.inbox).await
    }

    /// Unsubscribes in order: what the broker delivers until it ends the subscription still
    /// arrives. Done when the subscriber's last call has returned.
    ///
    /// # Cancel safety
    /// Dropping the future doesn't undo the unsubscribing.
    ///
    /// # Deadlock
    /// Blocking on this in a call of the same subscriber waits for itself; drop the guard there.
    pub async fn unsubscribe(self) {
        let Self { mut standing, task, .. } = self;
        standing.leave_in_order();
        // A callback that panicked has ended its subscription too.
        let _ = task.await;
    }

    /// Lets the subscription stand for as long as the client lives.
    pub fn detach(self) {
        self.standing.detach();
    }

    /// Waits until the subscription has ended for whatever reason, and its last call has returned.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    pub async fn ended(&mut self) {
        if !self.task.is_finished() {
            let _ = (&mut self.task).await;
        }
    }
}

/// What a subscription delivers, as a stream: dropping it unsubscribes.
///
/// The first event is [`Event::Subscribed`], the last [`Event::Ended`]. What isn't taken waits in
/// the subscription's inbox, as it does for callbacks.
#[derive(Debug)]
#[must_use = "dropping the stream unsubscribes"]
pub struct MessageStream {
    standing: Standing,
    receiving: Receiving,
    filter: String,
    /// What the broker is told when the next event is asked for: the last one is done with then.
    owed: Option<Owed>,
}

impl MessageStream {
    /// Changes the options of the lane in which it is delivered; see [`Subscription::set_options`]. An
    /// [`Event::Subscribed`] stands where they begin to hold.
    ///
    /// # Errors
    /// See [`Subscription::set_options`].
    pub async fn set_options(&self, options: LaneOptions) -> Result<Granted, SubscribeError> {
        self.standing.change(options).await
    }

    /// Waits for the next event; `None` after the end.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|cx| self.poll_event(cx)).await
    }

    /// How far behind this subscription is: what waits in its lane at the broker, and in this program
    /// to be taken.
    ///
    /// # Errors
    /// See [`Client::lag`].
    pub async fn lag(&self) -> Result<SubscriptionLag, LagError> {
        self.standing.lag(&self.filter, &self.receiving.inbox).await
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.owed = None;
        self.receiving.poll_next(cx).map(|held| {
            let Held { event, owed, .. } = held?;
            self.owed = owed;
            Some(event)
        })
    }
}

impl futures_core::Stream for MessageStream {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.poll_event(cx)
    }
}

/// The guard of a receiver of direct messages: dropping it ends the receiving.
#[derive(Debug)]
#[must_use = "dropping the guard ends the receiving"]
pub struct DirectGuard {
    standing: Standing,
}

impl DirectGuard {
    pub(crate) fn new(standing: Standing) -> Self {
        Self { standing }
    }

    /// Lets it stand for as long as the client lives.
    pub fn detach(self) {
        self.standing.detach();
    }
}
