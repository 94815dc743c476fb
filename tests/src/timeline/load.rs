//! What is published, through what, and for how long.

use std::time::Duration;

use broker_protocol::frame::Content;

/// How many members a document has of which patches change one each.
const MEMBERS: usize = 3;

/// What is published, through what, and for how long. Each key is a topic of its own.
#[derive(Debug, Clone)]
pub struct Load {
    /// The keys, and how often each of them changes in a second.
    pub keys: Vec<(&'static str, f64)>,
    /// When more is published than that.
    pub burst: Option<Burst>,
    /// What a value is.
    pub payload: Payload,
    /// The size of a value, in bytes.
    pub payload_bytes: usize,
    /// Whether values are retained.
    pub is_retained: bool,
    /// What the way to the subscriber carries, in bytes a second.
    pub bytes_per_second: u32,
    /// When the connection is cut, and for how long.
    pub cut: Option<(Duration, Duration)>,
    /// How long it runs before anything is shown.
    pub warm_up: Duration,
    /// How long what is published is shown.
    pub published: Duration,
    /// The pause behind that, in which what waits is still delivered.
    pub pause: Duration,
}

/// A time in which every key changes more often.
#[derive(Debug, Clone, Copy)]
pub struct Burst {
    /// When it begins, after the warm-up.
    pub begins: Duration,
    /// How long it is.
    pub lasts: Duration,
    /// How many times as often.
    pub times: u32,
}

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payload {
    /// Any bytes.
    Bytes,
    /// A patch of a document with three members, that changes one of them.
    Patch,
}

impl Payload {
    /// What kind of bytes that is.
    pub(super) fn content(self) -> Content {
        match self {
            Self::Bytes => Content::Bytes,
            Self::Patch => Content::Json,
        }
    }
}

impl Default for Load {
    /// Somewhat more than twice as much as the way carries.
    fn default() -> Self {
        Self {
            keys: vec![
                ("a, 10 a second", 10.0),
                ("b, 5 a second", 5.0),
                ("c, 5 a second", 5.0),
                ("d, 2 a second", 2.0),
                ("e, 1 a second", 1.0),
                ("f, every 2 s", 0.5),
            ],
            burst: None,
            payload: Payload::Bytes,
            payload_bytes: 2_000,
            is_retained: false,
            bytes_per_second: 20_000,
            cut: None,
            warm_up: Duration::from_secs(8),
            published: Duration::from_secs(8),
            pause: Duration::from_secs(2),
        }
    }
}

impl Load {
    /// The payload of what is published in this place.
    pub(super) fn payload(&self, place: usize) -> Vec<u8> {
        let filling = "x".repeat(self.payload_bytes);
        match self.payload {
            Payload::Bytes => filling.into_bytes(),
            Payload::Patch => format!(r#"{{"m{}":"{filling}"}}"#, place % MEMBERS).into_bytes(),
        }
    }

    /// What is published when, from the beginning: each key evenly, the keys a little apart.
    pub(super) fn schedule(&self) -> Vec<(Duration, usize)> {
        let ends = self.warm_up + self.published;
        let mut due = Vec::new();
        for (key, (_, rate)) in self.keys.iter().enumerate() {
            let every = Duration::from_secs_f64(1.0 / rate);
            let mut at = every.mul_f64(key as f64 / self.keys.len() as f64);
            while at < ends {
                due.push((at, key));
                at += every / self.times_at(at);
            }
        }
        due.sort_unstable();
        due
    }

    fn times_at(&self, at: Duration) -> u32 {
        let burst = self.burst.filter(|burst| {
            let begins = self.warm_up + burst.begins;
            (begins..begins + burst.lasts).contains(&at)
        });
        burst.map_or(1, |burst| burst.times)
    }
}
