//! What was measured in one cell.

use broker_load::{Measured, Report};
use broker_protocol::Codec;
use broker_protocol::frame::{Body, BrokerFrame, Content, Message};
use bytes::BytesMut;
use serde::{Deserialize, Serialize};

use crate::{Cell, Regime, count, micros};

/// What was measured in one cell: a line of the table, and of the file from which pictures are drawn.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Row {
    /// The name of the transport.
    pub transport: String,
    /// How many shards the broker had.
    pub shards: u16,
    /// What spoke to it.
    pub clients: String,
    /// How frames were written.
    pub codec: String,
    /// How many connections subscribed.
    pub subscribers: usize,
    /// How many topics there were.
    pub topics: usize,
    /// Bytes of each payload.
    pub payload_bytes: usize,
    /// Bytes of the frame around it.
    pub frame_bytes: usize,
    /// How messages followed each other.
    pub regime: String,
    /// How many messages may have been on their way to each subscriber.
    pub window: Option<u32>,
    /// Messages a second, where that was given.
    pub rate: Option<f64>,
    /// Deliveries in a second.
    pub deliveries_per_second: f64,
    /// Messages that arrived in one piece, on average.
    pub gathered: f64,
    /// Microseconds of the shards' processors for each delivery.
    pub cpu_us: Option<f64>,
    /// Deliveries in a second of a shard's processor.
    pub deliveries_per_cpu_second: Option<f64>,
    /// Half of the deliveries took at most this, in microseconds.
    pub p50_us: Option<f64>,
    /// 99 % took at most this, in microseconds.
    pub p99_us: Option<f64>,
    /// The part of its core that the generator needed.
    pub generator_busy: f64,
    /// What speaks against the figures.
    pub remark: Option<String>,
}

impl Row {
    /// The columns.
    pub const COLUMNS: [&str; 16] = [
        "transport",
        "shards",
        "clients",
        "codec",
        "subscribers",
        "topics",
        "payload B",
        "pace",
        "deliveries/s",
        "gathered",
        "CPU µs/delivery",
        "deliveries/CPU-s",
        "p50 µs",
        "p99 µs",
        "clients' CPU µs",
        "remark",
    ];

    pub(crate) fn new(cell: &Cell, regime: Regime, report: &Report) -> Self {
        let measured = report.measured.as_ref();
        let of = |value: fn(&Measured) -> f64| measured.map_or(0.0, value);
        let timed = measured.filter(|_| regime != Regime::Flood);
        Self {
            transport: cell.transport.name().to_owned(),
            shards: cell.shards,
            clients: cell.clients.name().to_owned(),
            codec: cell.codec.name().to_owned(),
            subscribers: cell.subscribers,
            topics: cell.topics,
            payload_bytes: cell.payload_bytes,
            frame_bytes: frame_bytes(cell.codec, cell.payload_bytes),
            regime: regime.name().to_owned(),
            window: report.window,
            rate: report.rate,
            deliveries_per_second: of(|measured| measured.deliveries_per_second),
            gathered: of(|measured| measured.gathered),
            cpu_us: measured.and_then(|measured| measured.server_cpu_us),
            deliveries_per_cpu_second: measured
                .and_then(|measured| measured.deliveries_per_cpu_second),
            p50_us: timed.map(|measured| measured.latency.p50),
            p99_us: timed.map(|measured| measured.latency.p99),
            generator_busy: of(|measured| measured.generator_busy),
            remark: measured.and_then(remark),
        }
    }

    /// The row as a line of a table.
    pub fn cells(&self) -> [String; 16] {
        let pace = match (self.window, self.rate) {
            (Some(window), _) => format!("{}, {window} on their way", self.regime),
            (_, Some(rate)) => format!("{}, {rate:.1}/s", self.regime),
            _ => self.regime.clone(),
        };
        let optional = |value: Option<f64>, show: fn(f64) -> String| value.map_or("-".into(), show);
        [
            self.transport.clone(),
            self.shards.to_string(),
            self.clients.clone(),
            self.codec.clone(),
            self.subscribers.to_string(),
            self.topics.to_string(),
            self.payload_bytes.to_string(),
            pace,
            count(self.deliveries_per_second),
            format!("{:.1}", self.gathered),
            optional(self.cpu_us, micros),
            optional(self.deliveries_per_cpu_second, count),
            optional(self.p50_us, |us| format!("{us:.0}")),
            optional(self.p99_us, |us| format!("{us:.0}")),
            micros(self.generator_busy / self.deliveries_per_second.max(1.0) * 1e6),
            self.remark.clone().unwrap_or_default(),
        ]
    }
}

/// What speaks against the figures: losses, a generator or neighbours that were too busy.
fn remark(measured: &Measured) -> Option<String> {
    let lost = measured.gaps + measured.missing + measured.disordered;
    let lost = (lost > 0).then(|| format!("{lost} missing"));
    let ended = (measured.ended > 0).then(|| format!("{} connections ended", measured.ended));
    let void = measured.void.as_ref().map(|reason| format!("void: {reason}"));
    let all: Vec<_> = [lost, ended, void].into_iter().flatten().collect();
    (!all.is_empty()).then(|| all.join("; "))
}

/// How long the frame is in which such a message is delivered, once many were published.
fn frame_bytes(codec: Codec, payload_bytes: usize) -> usize {
    let payload = vec![b'x'; payload_bytes];
    let content = if codec.is_text() { Content::Text } else { Content::Bytes };
    let body = Body { payload: (&*payload).into(), content, ..Body::default() };
    let from = Some("client-1000".into());
    let (seq, time) = (100_000, 1_800_000_000_000);
    let message = Message { seq, epoch: time, time, topic: "bench.0".into(), from, body };
    let mut frame = BytesMut::new();
    codec.write_broker(&BrokerFrame::Message(message), &mut frame);
    frame.len()
}
