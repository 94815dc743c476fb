//! One cell of a table: a setting, and what is measured in it.

use std::time::Duration;

use anyhow::Context as _;
use broker_load::{Dialect, LinkDialect, Pace, Plan};
use broker_protocol::Codec;
use broker_tests::Transport;

use crate::{Row, SdkDialect, Started, is_short, shard_threads};

/// In a flood so many messages are on their way to each subscriber,
const WINDOW: u32 = 64;
/// but not more bytes than this.
const WINDOW_BYTES_MAX: usize = 128 << 10;
/// Deliveries a second where they are paced: what every transport manages in half of its core, and out
/// of step with the kernel's ticks, by which the time of all processes is sampled,
const PACED_DELIVERIES: f64 = 23_400.0;
/// in no more bytes a second than this,
const PACED_BYTES_MAX: f64 = 128e6;
/// and in no more messages to a topic.
const PACED_MESSAGES_MAX: f64 = 990.0;

/// What speaks to the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clients {
    /// Links that count frames, as `broker bench` has them.
    Bare,
    /// Clients of the SDK, whose callbacks count.
    Sdk,
}

/// How messages follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Regime {
    /// As many as a window lets out: deliveries are gathered.
    Flood,
    /// The next one to a topic when all its subscribers have the last: a write for each delivery.
    OneAtATime,
    /// So many a second that the broker is far from busy: for latencies.
    Paced,
}

/// A setting to be measured.
#[derive(Debug, Clone, Copy)]
pub struct Cell {
    /// How clients come to the broker.
    pub transport: Transport,
    /// How many shards it has.
    pub shards: u16,
    /// What speaks to it.
    pub clients: Clients,
    /// How frames are written.
    pub codec: Codec,
    /// How many connections subscribe, each to one topic.
    pub subscribers: usize,
    /// How many topics there are, published to by turns.
    pub topics: usize,
    /// Bytes of each payload.
    pub payload_bytes: usize,
}

impl Cell {
    /// The cell through which all axes go.
    pub const BASE: Self = Self {
        transport: Transport::WebSocket,
        shards: 1,
        clients: Clients::Bare,
        codec: Codec::Bincode,
        subscribers: 1000,
        topics: 1,
        payload_bytes: 128,
    };

    /// Measures one regime, with a broker of its own.
    ///
    /// # Errors
    /// If the broker doesn't start, or clients don't come to it.
    pub fn measure(&self, regime: Regime) -> anyhow::Result<Row> {
        let started = Started::start(self.transport, self.shards)?;
        let dialect = self.dialect(&started);
        let measured = broker_load::run(&self.plan(regime), &*dialect, &|_| {});
        started.stop();
        let report = measured.with_context(|| {
            format!("{self:?}: may this process open enough files (ulimit -n 20000)?")
        })?;
        Ok(Row::new(self, regime, &report))
    }

    fn dialect(&self, started: &Started) -> Box<dyn Dialect> {
        let place = started.place.clone();
        match self.clients {
            Clients::Bare => {
                let url = place.url.clone();
                Box::new(LinkDialect::new(url, self.codec, move || place.connector()))
            }
            Clients::Sdk => Box::new(SdkDialect::new(place, self.codec)),
        }
    }

    fn plan(&self, regime: Regime) -> Plan {
        let (warm_up, duration) = if is_short() { (20, 80) } else { (300, 1500) };
        Plan {
            subscribers: self.subscribers,
            publishers: 1,
            topics: self.topics,
            pace: self.pace(regime),
            payload_bytes: self.payload_bytes,
            warm_up: Duration::from_millis(warm_up),
            duration: Duration::from_millis(duration),
            server: Some(shard_threads()),
            ..Plan::default()
        }
    }

    fn pace(&self, regime: Regime) -> Pace {
        match regime {
            Regime::Flood => {
                let most = (WINDOW_BYTES_MAX / self.payload_bytes).max(1);
                Pace::Window(WINDOW.min(u32::try_from(most).unwrap_or(WINDOW)))
            }
            Regime::OneAtATime => Pace::Window(1),
            Regime::Paced => {
                let deliveries = PACED_DELIVERIES.min(PACED_BYTES_MAX / self.payload_bytes as f64);
                let topics = self.topics as f64;
                let messages = deliveries / self.subscribers as f64 * topics;
                Pace::Rate(messages.min(PACED_MESSAGES_MAX * topics))
            }
        }
    }
}

impl Regime {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Flood, Self::OneAtATime, Self::Paced];

    /// The name in tables and pictures.
    pub fn name(self) -> &'static str {
        match self {
            Self::Flood => "flood",
            Self::OneAtATime => "one at a time",
            Self::Paced => "paced",
        }
    }
}

impl Clients {
    /// The name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Sdk => "SDK",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_large_messages_has_no_more_bytes_on_its_way_than_allowed() {
        let window = |payload_bytes| Cell { payload_bytes, ..Cell::BASE }.pace(Regime::Flood);
        assert_eq!([window(2048), window(2049)], [Pace::Window(64), Pace::Window(63)]);
        assert_eq!(window(1 << 20), Pace::Window(1));
    }

    #[test]
    fn the_pace_is_kept_by_deliveries() {
        let paced =
            |subscribers, topics| Cell { subscribers, topics, ..Cell::BASE }.pace(Regime::Paced);
        assert_eq!(paced(1000, 1), Pace::Rate(23.4));
        assert_eq!(paced(1000, 1000), Pace::Rate(23_400.0));
        assert_eq!(paced(1, 1), Pace::Rate(990.0));
    }
}
