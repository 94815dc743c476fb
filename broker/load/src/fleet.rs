//! Opens all connections of a run.

use futures_util::StreamExt as _;
use futures_util::stream;

use crate::party::{Dialect, LoadError, Party};
use crate::{Plan, Progress};

/// All connections of a run.
pub(crate) struct Fleet {
    /// With the topic of each.
    pub(crate) subscribers: Vec<(usize, Box<dyn Party>)>,
    pub(crate) publishers: Vec<Box<dyn Party>>,
}

/// The name of a topic.
pub(crate) fn topic_name(topic: usize) -> String {
    format!("bench.{topic}")
}

impl Fleet {
    /// Opens them, some at a time, and subscribes.
    pub(crate) async fn open(
        dialect: &dyn Dialect,
        plan: &Plan,
        progress: &dyn Fn(Progress),
    ) -> Result<Self, LoadError> {
        let open = async |number: usize| -> Result<(usize, Box<dyn Party>), LoadError> {
            let topic = number % plan.topics;
            let mut party = dialect.open().await?;
            if plan.conflates_stalled(number) {
                party.conflate();
            }
            party.subscribe(&topic_name(topic)).await?;
            Ok((topic, party))
        };
        let all = plan.subscribers;
        let mut opening = stream::iter(0..all).map(open).buffered(plan.opening);
        let mut subscribers = Vec::with_capacity(all);
        while let Some(opened) = opening.next().await {
            subscribers.push(opened?);
            progress(Progress::Opening { opened: subscribers.len(), all });
        }
        drop(opening);
        let mut publishers = Vec::with_capacity(plan.publishers);
        for _ in 0..plan.publishers {
            publishers.push(dialect.open().await?);
        }
        Ok(Self { subscribers, publishers })
    }
}
