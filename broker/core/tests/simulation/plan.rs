//! What kind of world a seed makes.

use std::time::Duration;

use broker_core::{Absence, Config, Limits, Liveness, SequencerConfig};
use broker_delivery::lane::{Bound, LaneOptions, Overflow};

use crate::random::Random;

pub(crate) const NAMES: [&str; 6] = ["ann", "bob", "eve", "kim", "mia", "tom"];
pub(crate) const TOPICS: [&str; 8] = ["a", "a.b", "a.b.c", "a.c", "b.x", "b.y", "c", "d.e.f"];
pub(crate) const FILTERS: [&str; 10] =
    ["a", "a.b", "b.x", "a.*", "a.>", ">", "*", "*.b", "b.*", "c"];
pub(crate) const KEYS: [&str; 4] = ["k", "", "long key", "k.2"];
pub(crate) const SERVICES: [&str; 2] = ["svc.one", "svc.two"];
pub(crate) const SERVED: [&str; 3] = ["svc.one", "svc.two", "svc.*"];
pub(crate) const GROUPS: [&str; 2] = ["crew", "team"];

/// From this seed on clients fall asleep.
pub(crate) const SLEEPY_FROM: u64 = 1 << 32;

/// From this seed on time flies, and topics are forgotten soon.
pub(crate) const FORGETFUL_FROM: u64 = 1 << 33;

/// What kind of world a seed makes.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) shards: usize,
    pub(crate) clients_max: usize,
    /// How many steps are taken between two times of rest.
    pub(crate) steps: usize,
    pub(crate) rests: usize,
    /// Whether somebody sees everything, so that every place of the order is known.
    pub(crate) auditor: bool,
    /// Whether topics are never forgotten.
    pub(crate) one_epoch: bool,
    /// How many topics most messages are published to.
    pub(crate) hot: usize,
    /// How many keys there are, beside none.
    pub(crate) keys: usize,
    /// The largest payload, in bytes.
    pub(crate) payload_max: usize,
    /// How often links refuse, in percent.
    pub(crate) refusing: usize,
    /// Whether sessions outlive their links.
    pub(crate) stays: bool,
    /// Whether clients offer callbacks, and call those of others.
    pub(crate) calls: bool,
    /// How often a client falls asleep when it has read, until it loses its link, in percent.
    pub(crate) sleepy: usize,
    /// How often time passes or a whole turn is taken instead of what else would happen, in percent.
    pub(crate) haste: usize,
    pub(crate) config: Config,
    pub(crate) sequencer: SequencerConfig,
}

impl Plan {
    /// What kind of world a seed makes, of which these are the random numbers.
    pub(crate) fn of(seed: u64, random: &mut Random) -> Self {
        let heavy = random.percent(10);
        let forgets = random.percent(20);
        let forget_after = Duration::from_millis(if forgets { 40 } else { 1_000_000 });
        let shards = random.between(1, 4);
        let sleepy = if (SLEEPY_FROM..FORGETFUL_FROM).contains(&seed) { 20 } else { 0 };
        let stays = random.percent(60) || sleepy > 0;
        let plan = Self {
            shards,
            stays,
            calls: false,
            sleepy,
            haste: 0,
            clients_max: random.between(3, 9),
            steps: random.between(150, 500),
            rests: random.between(1, 3),
            auditor: random.percent(80),
            one_epoch: !forgets,
            hot: random.between(1, 3),
            keys: random.between(1, KEYS.len()),
            payload_max: if heavy { 20_000 } else { *random.pick(&[40, 400]) },
            refusing: *random.pick(&[0, 10, 40, 60]),
            config: config(random, heavy, (stays, sleepy > 0), shards),
            sequencer: SequencerConfig { forget_after, ..SequencerConfig::default() },
        };
        let plan = plan.with_calls(Random::of(!seed));
        if seed >= FORGETFUL_FROM { plan.forgetful() } else { plan }
    }

    /// Topics are used now and then, and forgotten soon after, while some clients take nothing.
    fn forgetful(mut self) -> Self {
        (self.one_epoch, self.haste, self.hot) = (false, 30, TOPICS.len());
        self.sequencer.forget_after = Duration::from_millis(10);
        self
    }

    /// Whether there are callbacks, by random numbers of their own: worlds without are the same as ever.
    fn with_calls(mut self, mut random: Random) -> Self {
        self.calls = random.percent(50);
        self.config.limits.callbacks_max = *random.pick(&[1, 2, 2]);
        self.config.limits.holds_max = *random.pick(&[2, 100]);
        self
    }
}

/// How long sessions stay without a link, where they do: less than a time of rest.
pub(crate) const EXPIRY: Duration = Duration::from_millis(1500);

fn config(
    random: &mut Random,
    heavy: bool,
    (stays, sleepy): (bool, bool),
    shards: usize,
) -> Config {
    // Who sleeps is to lose some.
    let windows =
        if sleepy { [60, 60, 60, 300, 2000] } else { [60, 300, 2000, 64 << 10, 64 << 10] };
    let overflow =
        *random.pick(&[Overflow::Disconnect, Overflow::DropOldest, Overflow::DropOldest]);
    let bytes = if heavy { 400_000 } else { random.between(600, 20_000) as u64 };
    let bound = Bound { messages: *random.pick(&[6, 16, 40, 200]), bytes };
    Config {
        limits: Limits {
            packet_bytes_max: *random.pick(&[600, 4096, 65536]),
            control_bytes_max: 100_000,
            ..Limits::default()
        },
        liveness: Liveness { ping_interval: Duration::from_secs(5), ..Liveness::default() },
        lane: LaneOptions { overflow, bound, ..LaneOptions::default() },
        request_timeout: Duration::from_secs(1),
        request_timeout_max: Duration::from_secs(2),
        log_bytes_max: *random.pick(&[1000, 100_000, 100_000]),
        settled_per_turn: *random.pick(&[1, 16]),
        absence: Absence {
            expiry: if stays { EXPIRY } else { Duration::ZERO },
            resume_window: *random.pick(&windows),
            ..Absence::default()
        },
        shards: shards as u16,
        ..Config::default()
    }
}

/// Whether a filter matches a topic: the words of the documentation, once more and slowly.
pub(crate) fn matches(filter: &str, topic: &str) -> bool {
    let filter: Vec<&str> = filter.split('.').collect();
    let topic: Vec<&str> = topic.split('.').collect();
    if topic[0].starts_with('$') && matches!(filter[0], "*" | ">") {
        return false;
    }
    let tokens = |count: usize| {
        filter[..count].iter().zip(&topic).all(|(one, token)| *one == "*" || one == token)
    };
    match filter.last() {
        Some(&">") => topic.len() >= filter.len() && tokens(filter.len() - 1),
        _ => topic.len() == filter.len() && tokens(filter.len()),
    }
}
