//! What was measured.

use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::flow::Flow;
use crate::process::{cpu_of_all, cpu_of_this};
use crate::spare::BUSY_MAX;
use crate::{Pace, Plan, Server};

/// Other processes may use so much of a processor before a run is void.
const OTHERS_MAX: f64 = 0.06;

/// What was measured in a run. Serializes to the JSON that `broker bench --json` prints.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// How many connections subscribed.
    pub subscribers: usize,
    /// How many connections published.
    pub publishers: usize,
    /// How many topics there were.
    pub topics: usize,
    /// Messages a second, where that was the plan.
    pub rate: Option<f64>,
    /// The window in messages per subscriber, where that was the plan.
    pub window: Option<u32>,
    /// Bytes of each payload.
    pub payload_bytes: usize,
    /// How many subscribers never read.
    pub stalled: usize,
    /// How many bytes each subscriber was sent beyond what it told to have consumed at most, if it
    /// told.
    pub receive_window: Option<u64>,
    /// What the connections themselves cost.
    pub connections: Connections,
    /// What became of the messages, unless only connections were opened.
    pub measured: Option<Measured>,
}

/// What the connections themselves cost.
#[derive(Debug, Clone, Serialize)]
pub struct Connections {
    /// How many were opened in a second, `connect` and `subscribe` answered.
    pub per_second: f64,
    /// Microseconds of the server's processor for each.
    pub server_cpu_us: Option<f64>,
    /// Bytes of the server's memory for each.
    pub server_bytes: Option<f64>,
    /// Bytes of the server's memory before there were any.
    pub server_bytes_before: Option<u64>,
}

/// What became of the messages.
#[derive(Debug, Clone, Serialize)]
pub struct Measured {
    /// How long was measured, in seconds.
    pub seconds: f64,
    /// Messages published.
    pub published: u64,
    /// Messages received by subscribers.
    pub deliveries: u64,
    /// Of them, in a second.
    pub deliveries_per_second: f64,
    /// Messages received in one piece, on average.
    pub gathered: f64,
    /// Messages that the server told to be missing.
    pub gaps: u64,
    /// Messages that are missing, and nobody said so.
    pub missing: u64,
    /// Messages that came twice or out of order.
    pub disordered: u64,
    /// Subscribers whose connection ended.
    pub ended: u64,
    /// Seconds of the server's processor.
    pub server_cpu_seconds: Option<f64>,
    /// Microseconds of the server's processor for each delivery.
    pub server_cpu_us: Option<f64>,
    /// Deliveries in a second of the server's processor.
    pub deliveries_per_cpu_second: Option<f64>,
    /// Bytes of the server's memory at the end.
    pub server_bytes: Option<u64>,
    /// From the moment a message was due to its arrival at a subscriber.
    pub latency: Distribution,
    /// From the moment a message was due to its arrival at its last subscriber. Not measured in
    /// floods.
    pub to_last: Distribution,
    /// How late the latest message was published, in microseconds.
    pub published_late_us: f64,
    /// The part of its core that the generator needed.
    pub generator_busy: f64,
    /// The part of a processor that all other processes used.
    pub others_busy: Option<f64>,
    /// Why nothing should be concluded from this run, if so.
    pub void: Option<String>,
}

/// How a time was distributed, in microseconds.
#[derive(Debug, Clone, Serialize)]
pub struct Distribution {
    /// How many times were recorded.
    pub count: u64,
    /// Half were at most this.
    pub p50: f64,
    /// Nine in ten were at most this.
    pub p90: f64,
    /// 99 % were at most this.
    pub p99: f64,
    /// 99.9 % were at most this.
    pub p999: f64,
    /// The longest.
    pub max: f64,
    /// Quantiles from 0 to 1 and their times, for a picture.
    #[serde(skip)]
    pub quantiles: Vec<(f64, f64)>,
}

/// What processes have used so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Used {
    server_cpu: Option<Duration>,
    server_bytes: Option<u64>,
    /// This process, without a server that is a part of it.
    here: Option<Duration>,
    all: Option<Duration>,
}

impl Used {
    pub(crate) fn now(server: Option<Server>) -> Self {
        let server_cpu = server.and_then(Server::cpu);
        let inside = server_cpu.filter(|_| server.is_some_and(Server::is_here));
        Self {
            server_cpu,
            server_bytes: server.and_then(Server::resident_bytes),
            here: cpu_of_this().map(|here| here.saturating_sub(inside.unwrap_or_default())),
            all: cpu_of_all(),
        }
    }

    fn server_cpu_since(&self, before: &Self) -> Option<Duration> {
        Some(self.server_cpu?.saturating_sub(before.server_cpu?))
    }

    /// What processes used that are neither the server nor this one.
    fn others_since(&self, before: &Self) -> Option<Duration> {
        let all = self.all?.saturating_sub(before.all?);
        let here = self.here?.saturating_sub(before.here?);
        Some(all.saturating_sub(here).saturating_sub(self.server_cpu_since(before)?))
    }
}

impl Report {
    pub(crate) fn new(plan: &Plan, opening: Duration, used: [Used; 3]) -> Self {
        let [before, opened, settled] = used;
        let count = (plan.subscribers + plan.publishers) as f64;
        let cpu = opened.server_cpu_since(&before).map(|cpu| micros(cpu) / count);
        let bytes = settled.server_bytes.zip(before.server_bytes);
        let (rate, window) = match plan.pace {
            Pace::Rate(rate) => (Some(rate), None),
            Pace::Window(window) => (None, Some(window)),
        };
        Self {
            subscribers: plan.subscribers,
            publishers: plan.publishers,
            topics: plan.topics,
            rate: rate.filter(|_| !plan.is_idle()),
            window: window.filter(|_| !plan.is_idle()),
            payload_bytes: plan.payload_bytes,
            stalled: plan.stalled_subscribers(),
            receive_window: plan.receive_window,
            connections: Connections {
                per_second: count / opening.as_secs_f64(),
                server_cpu_us: cpu,
                server_bytes: bytes.map(|(after, before)| (after as f64 - before as f64) / count),
                server_bytes_before: before.server_bytes,
            },
            measured: None,
        }
    }
}

impl Measured {
    pub(crate) fn new(
        flow: &Flow,
        elapsed: Duration,
        [before, after]: [Used; 2],
        generator_busy: f64,
        latest: Duration,
    ) -> Self {
        let counted = flow.counted;
        let (seconds, deliveries) = (elapsed.as_secs_f64(), counted.deliveries as f64);
        let cpu = after.server_cpu_since(&before);
        let others = after.others_since(&before).map(|others| others.as_secs_f64() / seconds);
        Self {
            seconds,
            published: counted.published,
            deliveries: counted.deliveries,
            deliveries_per_second: deliveries / seconds,
            gathered: deliveries / counted.pieces.max(1) as f64,
            gaps: counted.told,
            missing: counted.missing,
            disordered: counted.disordered,
            ended: counted.ended,
            server_cpu_seconds: cpu.map(|cpu| cpu.as_secs_f64()),
            server_cpu_us: cpu.map(|cpu| micros(cpu) / deliveries.max(1.0)),
            deliveries_per_cpu_second: cpu.map(|cpu| deliveries / cpu.as_secs_f64().max(1e-9)),
            server_bytes: after.server_bytes,
            latency: Distribution::new(&flow.latency),
            to_last: Distribution::new(&flow.to_last),
            published_late_us: micros(latest),
            generator_busy,
            others_busy: others,
            void: void(generator_busy, others, counted.deliveries),
        }
    }
}

/// Why nothing should be concluded from a run, if so.
fn void(generator_busy: f64, others: Option<f64>, deliveries: u64) -> Option<String> {
    if deliveries == 0 {
        return Some("nothing was delivered".to_owned());
    }
    if generator_busy > BUSY_MAX {
        let (is, most) = (generator_busy * 100.0, BUSY_MAX * 100.0);
        return Some(format!("the generator needed {is:.0} % of its core, more than {most:.0} %"));
    }
    let others = others.filter(|others| *others > OTHERS_MAX)?;
    Some(format!("other processes used {:.0} % of a processor", others * 100.0))
}

impl Distribution {
    fn new(recorded: &Histogram<u64>) -> Self {
        let at = |quantile: f64| recorded.value_at_quantile(quantile) as f64 / 1e3;
        let steps = recorded.iter_quantiles(4);
        let point = |step: hdrhistogram::iterators::IterationValue<u64>| {
            (step.quantile_iterated_to(), step.value_iterated_to() as f64 / 1e3)
        };
        Self {
            count: recorded.len(),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: recorded.max() as f64 / 1e3,
            quantiles: if recorded.is_empty() { Vec::new() } else { steps.map(point).collect() },
        }
    }
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { subscribers, publishers, topics, payload_bytes, .. } = self;
        let stalled = match self.stalled {
            0 => String::new(),
            count => format!(" ({count} of them stalled)"),
        };
        row(f, "subscribers", &format!("{subscribers}{stalled}"))?;
        if let Some(window) = self.receive_window {
            row(f, "credit", &format!("a window of {window} bytes in each lane"))?;
        }
        if let (Some(_), pace) = (&self.measured, self.pace()) {
            row(f, "published", &format!("by {publishers} to {topics} topics, {pace}"))?;
            row(f, "payload", &format!("{payload_bytes} B"))?;
        }
        self.connections.fmt(f)?;
        self.measured.as_ref().map_or(Ok(()), |measured| measured.fmt(f))
    }
}

impl Report {
    fn pace(&self) -> String {
        match (self.rate, self.window) {
            (Some(rate), _) => format!("{rate} messages/s"),
            (_, Some(window)) => format!("as fast as {window} in flight allow"),
            _ => "nothing".to_owned(),
        }
    }
}

impl fmt::Display for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        row(f, "connections", &format!("{:.0}/s opened", self.per_second))?;
        if let (Some(cpu), Some(bytes)) = (self.server_cpu_us, self.server_bytes) {
            let each = format!("{cpu:.1} µs of the broker's CPU and {:.2} KiB", bytes / 1024.0);
            row(f, "each", &each)?;
        }
        Ok(())
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        row(f, "messages", &format!("{} published in {:.1} s", self.published, self.seconds))?;
        let (count, rate) = (self.deliveries, count(self.deliveries_per_second));
        let gathered = format!("{:.1} in one piece", self.gathered);
        row(f, "deliveries", &format!("{count}, {rate}/s, {gathered}"))?;
        let Self { gaps, missing, disordered, ended, .. } = self;
        let lost = format!(
            "{gaps} told, {missing} not told; {disordered} out of order; {ended} connections ended"
        );
        row(f, "missing", &lost)?;
        if let (Some(each), Some(rate)) = (self.server_cpu_us, self.deliveries_per_cpu_second) {
            let share = self.server_cpu_seconds.unwrap_or_default() / self.seconds * 100.0;
            let rate = count_of(rate);
            let cpu = format!("{each:.3} µs a delivery, {rate} a second of CPU, {share:.0} % used");
            row(f, "broker's CPU", &cpu)?;
        }
        row(f, "latency", &self.latency.to_string())?;
        if self.to_last.count > 0 {
            row(f, "to the last", &self.to_last.to_string())?;
        }
        row(f, "generator", &format!("{:.0} % of its core", self.generator_busy * 100.0))?;
        match &self.void {
            Some(reason) => row(f, "VOID", reason),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { p50, p90, p99, p999, max, .. } = *self;
        let [p50, p90, p99, p999, max] = [p50, p90, p99, p999, max].map(time);
        write!(f, "p50 {p50}, p90 {p90}, p99 {p99}, p99.9 {p999}, max {max}")
    }
}

fn row(f: &mut fmt::Formatter<'_>, name: &str, value: &str) -> fmt::Result {
    writeln!(f, "{name:<13} {value}")
}

fn time(micros: f64) -> String {
    match micros {
        ..1000.0 => format!("{micros:.0} µs"),
        ..1e6 => format!("{:.1} ms", micros / 1e3),
        _ => format!("{:.2} s", micros / 1e6),
    }
}

fn count(number: f64) -> String {
    match number {
        ..1e3 => format!("{number:.0}"),
        ..1e6 => format!("{:.1} k", number / 1e3),
        _ => format!("{:.2} M", number / 1e6),
    }
}

fn count_of(number: f64) -> String {
    count(number)
}
