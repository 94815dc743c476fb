//! What a subscription gets while it is behind.

use std::sync::Arc;
use std::time::Duration;

use broker_delivery::fold::Fold;
use broker_protocol::frame::{Keep, LaneOptions};

use super::SubscriptionBuilder;
use crate::inbox::Folding;

impl SubscriptionBuilder<'_> {
    /// What survives while this subscription is behind: all of it; the `n` newest messages of each
    /// key, as [`Client::subscribe_latest`](crate::Client::subscribe_latest) with `n` 1; or one message of each key that does what all
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
    /// granted says whether they are datagrams ([`Event::Subscribed`](crate::Event::Subscribed)). Sets `unreliable`, and `keep` to
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
}
