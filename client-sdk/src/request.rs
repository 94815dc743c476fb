//! Asking, and being answered.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use broker_delivery::{check_topic, is_reserved};
use broker_protocol::ErrorCode;
use broker_protocol::frame::{self, ClientFrame};
use tokio::time::timeout;

use crate::hub::{Answer, Failure, Hub};
use crate::open_call::OpenCall;
use crate::publication::{milliseconds, room_for};
use crate::{Body, Refusal, RequestError};

/// How topics begin on which the broker itself answers.
const ANSWERED_BY_THE_BROKER: &str = "$broker.";

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The name of the client that answered.
    pub from: Option<String>,
    /// What it carries.
    pub body: Body,
}

impl Reply {
    /// The payload as text, if it is UTF-8.
    pub fn text(&self) -> Option<&str> {
        self.body.text()
    }
}

/// Asks whoever serves a topic.
pub(crate) async fn request(
    hub: &Arc<Hub>,
    topic: &str,
    body: Body,
    most: Duration,
) -> Result<Reply, RequestError> {
    check(topic)?;
    request_unchecked(hub, topic, body, most).await
}

/// Asks on a topic that the SDK made, which may be one that is reserved.
pub(crate) async fn request_unchecked(
    hub: &Arc<Hub>,
    topic: &str,
    body: Body,
    most: Duration,
) -> Result<Reply, RequestError> {
    check_payload(hub, &body)?;
    let asked = async {
        let closed = || RequestError::Closed(hub.closed_reason());
        let _turn = hub.commands.acquire().await.map_err(|_| closed())?;
        let room = room_for(hub, topic.len() + body.size()).await.ok_or_else(closed)?;
        let frame = |id| {
            let (topic, body) = (Cow::Borrowed(topic), body.as_frame());
            let timeout = Some(milliseconds(most));
            hub.encode(&ClientFrame::Request(frame::Request { id, topic, body, timeout }))
        };
        let call = OpenCall::ask(hub, room, frame).cancelled_on_drop();
        call.answer().await.map_err(|failure| failed(failure, most))
    };
    match timeout(most, asked).await {
        Ok(Ok(Answer::Reply(from, body))) => Ok(Reply { from, body }),
        Ok(Ok(Answer::Accepted | Answer::Lag(_))) => {
            Ok(Reply { from: None, body: Body::default() })
        }
        Ok(Err(error)) => Err(error),
        Err(_) => Err(RequestError::TimedOut(most)),
    }
}

fn check(topic: &str) -> Result<(), RequestError> {
    let reason = match check_topic(topic) {
        Err(error) => Some(error.to_string()),
        Ok(()) if is_reserved(topic) && !topic.starts_with(ANSWERED_BY_THE_BROKER) => {
            Some("topics that begin with `$` belong to the broker".to_owned())
        }
        Ok(()) => None,
    };
    if let Some(reason) = reason {
        return Err(RequestError::InvalidTopic { topic: topic.to_owned(), reason });
    }
    Ok(())
}

fn check_payload(hub: &Hub, body: &Body) -> Result<(), RequestError> {
    let bytes = body.payload.len();
    match hub.payload_bytes_max() {
        Some(limit) if bytes as u64 > limit => Err(RequestError::TooLarge { bytes, limit }),
        _ => Ok(()),
    }
}

fn failed(failure: Failure, most: Duration) -> RequestError {
    match failure {
        Failure::Disconnected => RequestError::Disconnected,
        Failure::Closed(reason) => RequestError::Closed(reason),
        Failure::Failed(error) if error.code == Refusal::BUSY => {
            RequestError::Busy { message: error.message }
        }
        Failure::Failed(error) => RequestError::Failed { code: error.code, message: error.message },
        Failure::Rejected(rejected) => {
            let (code, message) = (rejected.code, rejected.message);
            match code {
                ErrorCode::NobodyAnswers => RequestError::NobodyAnswers,
                ErrorCode::Busy => RequestError::Busy { message },
                ErrorCode::TimedOut => RequestError::TimedOut(most),
                ErrorCode::ProviderGone => RequestError::ProviderGone,
                _ => RequestError::Refused { code, message },
            }
        }
    }
}
