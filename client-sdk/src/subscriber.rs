//! The callback trait: how user code receives.

use std::future::poll_fn;
use std::time::{Duration, Instant};

use crate::inbox::{Arrived, Held, Run};
use crate::pace::Pace;
use crate::subscription::Receiving;
use crate::{Ended, Event, Gap, Granted, Interruption, Message, Presence};

/// Receives what one subscription delivers.
///
/// Calls are made one at a time: `on_subscribed`, then any mix of `on_message`, `on_gap`,
/// `on_caught_up` and `on_presence`, then `on_ended` once. A reconnect on which the session doesn't
/// go on calls `on_interrupted` and repeats from `on_subscribed`. While a call runs, nothing more is
/// delivered here; pings and other subscribers
/// aren't affected. What comes meanwhile waits in the subscription's inbox, and is treated as the
/// subscription's options say ([`SubscriptionBuilder`](crate::SubscriptionBuilder)): all of it
/// waits, or the latest of each key; and at the inbox's bound the subscription ends, or the oldest
/// go.
///
/// Calls are made by a task of the tokio runtime in which the client was connected. Calls that compute
/// or block for a millisecond and more are made aside, so that nothing else waits for them; where the
/// runtime has one thread alone they occupy it, and all else has its turn between them. Hand such work
/// on there, or take a [stream](crate::Client::stream). Calls may use the client: publish, subscribe, drop the
/// subscription's own guard. Nothing is locked meanwhile. A call that panics ends its subscription.
///
/// A closure `FnMut(&Message)` is a subscriber too.
///
/// ```
/// use client_sdk::{Gap, Message, Subscriber};
///
/// struct Ticker { missed: u64 }
///
/// impl Subscriber for Ticker {
///     fn on_message(&mut self, message: &Message) {
///         println!("{}: {}", message.topic, message.text().unwrap_or("?"));
///     }
///     fn on_gap(&mut self, gap: &Gap) {
///         self.missed += gap.count;
///     }
/// }
/// ```
pub trait Subscriber: Send + 'static {
    /// A message.
    fn on_message(&mut self, message: &Message);

    /// The subscription begins here, for the first time or after a reconnect.
    fn on_subscribed(&mut self, _granted: &Granted) {}

    /// Messages that will never arrive, told where they would have stood; where newer ones of the
    /// same keys replace them ([`GapCause::is_conflated`](crate::GapCause::is_conflated)), in front
    /// of those.
    fn on_gap(&mut self, _gap: &Gap) {}

    /// What is retained has come: after [`replay_last`](crate::SubscriptionBuilder::replay_last), and
    /// in a lane with overflow `resync` each time that it was behind.
    ///
    /// Whoever holds one value of each key can forget what hasn't come since the last gap of such a
    /// lane: it was cleared.
    fn on_caught_up(&mut self) {}

    /// Who is subscribed to the filter, if the subscription asks for presence.
    fn on_presence(&mut self, _presence: &Presence) {}

    /// The connection was lost for a while, and the session with it; `on_subscribed` follows.
    fn on_interrupted(&mut self, _interruption: &Interruption) {}

    /// What waited together was handed over by the calls before this one, and nothing more waits at
    /// this moment: the time to draw what they changed.
    ///
    /// Where more comes all the time, this is called after as many calls as may wait together, the
    /// inbox's bound, and after calls that took a tenth of a second: who draws here is never long without
    /// a picture, however slow the calls are. The last batch ends before `on_ended`.
    fn on_batch_end(&mut self) {}

    /// Nothing more is delivered.
    fn on_ended(&mut self, _ended: Ended) {}
}

impl<F: FnMut(&Message) + Send + 'static> Subscriber for F {
    fn on_message(&mut self, message: &Message) {
        self(message);
    }
}

/// How long the calls of a batch take at most, all but the first and one more.
const BATCH_MAX: Duration = Duration::from_millis(100);

/// What was handed over since the last one ended.
struct Batch {
    left: usize,
    ends_at: Option<Instant>,
    is_long: bool,
    is_empty: bool,
}

impl Batch {
    fn new(messages_max: usize) -> Self {
        Self { left: messages_max.max(1), ends_at: None, is_long: false, is_empty: true }
    }

    fn is_full(&self) -> bool {
        self.left == 0 || self.is_long
    }

    /// Counts one more, and lets others have their turn if it is time for that.
    async fn count(&mut self, pace: &mut Pace) {
        (self.left, self.is_empty) = (self.left.saturating_sub(1), false);
        if pace.pause_if_due(1).await {
            let now = Instant::now();
            self.is_long = now >= *self.ends_at.get_or_insert(now + BATCH_MAX);
        }
    }
}

/// Calls a subscriber with what comes into its inbox, until that ends.
pub(crate) async fn serve<S: Subscriber>(inbox: Receiving, mut subscriber: S) {
    let mut pace = Pace::new();
    while let Some(first) = poll_fn(|cx| inbox.poll_take(cx)).await {
        let (mut next, mut batch) = (Some(first), Batch::new(inbox.messages_max()));
        pace.begin();
        while let Some(taken) = next {
            match taken {
                Arrived::Event(Held { event: Event::Ended(ended), .. }) => {
                    if !batch.is_empty {
                        pace.call(|| subscriber.on_batch_end());
                    }
                    return pace.call(|| subscriber.on_ended(ended));
                }
                Arrived::Event(Held { event, owed, .. }) => {
                    pace.call(|| deliver(&mut subscriber, event));
                    // Now it is consumed.
                    drop(owed);
                    batch.count(&mut pace).await;
                }
                Arrived::Run(run) => {
                    deliver_run(&mut subscriber, &run, &mut batch, &mut pace).await;
                }
            }
            next = if batch.is_full() { None } else { inbox.try_take() };
        }
        pace.call(|| subscriber.on_batch_end());
    }
}

/// Delivers what nobody else claims of a run, as far as it belongs to the batch.
async fn deliver_run<S: Subscriber>(
    subscriber: &mut S,
    run: &Run,
    batch: &mut Batch,
    pace: &mut Pace,
) {
    while !batch.is_full()
        && let Some(begun) = run.begin()
    {
        pace.call(|| subscriber.on_message(&begun.message()));
        // Now it is consumed.
        drop(begun);
        batch.count(pace).await;
    }
}

fn deliver<S: Subscriber>(subscriber: &mut S, event: Event) {
    match event {
        Event::Message(message) => subscriber.on_message(&message),
        Event::Subscribed(granted) => subscriber.on_subscribed(&granted),
        Event::Gap(gap) => subscriber.on_gap(&gap),
        Event::CaughtUp => subscriber.on_caught_up(),
        Event::Presence(presence) => subscriber.on_presence(&presence),
        Event::Interrupted(interruption) => subscriber.on_interrupted(&interruption),
        Event::Ended(ended) => subscriber.on_ended(ended),
    }
}
