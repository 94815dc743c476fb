//! How far behind a client is, in the broker and in this program.

use std::sync::Arc;
use std::time::Duration;

use broker_protocol::frame::{self, ClientFrame, Ping};
use tokio::time::timeout;

use crate::LagError;
use crate::hub::{Answer, Failure, Hub};
use crate::open_call::OpenCall;

/// What waits at one place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Waits {
    /// How many messages.
    pub messages: u64,
    /// How many bytes they take, as that place counts them.
    pub bytes: u64,
    /// How long the oldest has waited there: in the broker since it was accepted, in this program
    /// since it came. Where newer values take the place of older ones, it is the newer one's age.
    pub age: Duration,
}

/// How far behind a client is; see [`Client::lag`](crate::Client::lag).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lag {
    /// What waits in the broker, in each lane.
    pub lanes: Vec<LaneLag>,
    /// What waits for each subscription.
    pub subscriptions: Vec<SubscriptionLag>,
}

/// What waits in the broker in one lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneLag {
    /// The lane.
    pub lane: u8,
    /// What waits there.
    pub waits: Waits,
}

/// How far behind a subscription is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionLag {
    /// The filter.
    pub filter: String,
    /// The lane in which it is delivered; others may share it.
    pub lane: u8,
    /// What waits in the broker, in that lane.
    pub broker: Waits,
    /// What waits in this program for its callback, which may be at work on one more.
    pub here: Waits,
}

impl From<frame::LaneLag> for LaneLag {
    fn from(told: frame::LaneLag) -> Self {
        let frame::LaneLag { lane, messages, bytes, age } = told;
        Self { lane, waits: Waits { messages, bytes, age: Duration::from_millis(age) } }
    }
}

/// Asks the broker, and looks what waits here.
pub(crate) async fn lag(hub: &Arc<Hub>) -> Result<Lag, LagError> {
    let most = hub.config.request_timeout;
    let asked = async {
        let closed = || LagError::Closed(hub.closed_reason());
        let _turn = hub.commands.acquire().await.map_err(|_| closed())?;
        let ping = |mark| hub.encode(&ClientFrame::Ping(Ping { mark: Some(mark) }));
        OpenCall::ask(hub, 0, ping).answer().await.map_err(LagError::from)
    };
    let lanes: Vec<LaneLag> = match timeout(most, asked).await {
        Ok(Ok(Answer::Lag(lanes))) => lanes.into_iter().map(LaneLag::from).collect(),
        Ok(Ok(_)) => Vec::new(),
        Ok(Err(error)) => return Err(error),
        Err(_) => return Err(LagError::TimedOut(most)),
    };
    let subscriptions = hub.waiting().into_iter().map(|(filter, lane, here)| {
        let broker = lanes.iter().find(|one| one.lane == lane);
        let broker = broker.map_or_else(Waits::default, |one| one.waits);
        SubscriptionLag { filter, lane, broker, here }
    });
    Ok(Lag { subscriptions: subscriptions.collect(), lanes })
}

impl From<Failure> for LagError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Closed(reason) => Self::Closed(reason),
            Failure::Disconnected | Failure::Rejected(_) | Failure::Failed(_) => Self::Disconnected,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ClosedReason;

    #[test]
    fn who_is_closed_is_told_why() {
        let failure = Failure::Closed(ClosedReason::Asked);
        assert!(matches!(LagError::from(failure), LagError::Closed(ClosedReason::Asked)));
    }
}
