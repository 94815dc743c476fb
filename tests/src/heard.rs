//! What a client has heard, kept until a scenario asks for it.

use std::borrow::Cow;

use broker_protocol::frame::{
    Body, BrokerFrame, LaneHeader, Message, Outcome, RoutedReply, RoutedRequest,
};

/// One frame, with the lane and the addressee that it came under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// What a `lane` frame before it said, or the beginning of its channel.
    pub header: LaneHeader,
    /// The frame itself.
    pub frame: BrokerFrame<'static>,
}

/// The frame, to be kept.
pub(crate) fn kept(frame: BrokerFrame<'_>) -> BrokerFrame<'static> {
    match frame {
        BrokerFrame::Message(message) => BrokerFrame::Message(Message {
            topic: owned(message.topic),
            from: message.from.map(owned),
            body: body(message.body),
            ..message
        }),
        BrokerFrame::Request(request) => BrokerFrame::Request(RoutedRequest {
            token: owned(request.token),
            topic: owned(request.topic),
            from: request.from.map(owned),
            session: request.session.map(owned),
            body: body(request.body),
            ..request
        }),
        BrokerFrame::Reply(reply) => BrokerFrame::Reply(RoutedReply {
            id: reply.id,
            from: reply.from.map(owned),
            outcome: match reply.outcome {
                Outcome::Answer(answer) => Outcome::Answer(body(answer)),
                Outcome::Failure(error) => Outcome::Failure(error),
            },
        }),
        other => kept_as_is(other),
    }
}

/// The frames that borrow nothing.
fn kept_as_is(frame: BrokerFrame<'_>) -> BrokerFrame<'static> {
    match frame {
        BrokerFrame::Connected(it) => BrokerFrame::Connected(it),
        BrokerFrame::Accepted(it) => BrokerFrame::Accepted(it),
        BrokerFrame::Rejected(it) => BrokerFrame::Rejected(it),
        BrokerFrame::Gap(it) => BrokerFrame::Gap(it),
        BrokerFrame::Lane(it) => BrokerFrame::Lane(it),
        BrokerFrame::Cancelled(it) => BrokerFrame::Cancelled(it),
        BrokerFrame::CaughtUp(it) => BrokerFrame::CaughtUp(it),
        BrokerFrame::Presence(it) => BrokerFrame::Presence(it),
        BrokerFrame::Moved(it) => BrokerFrame::Moved(it),
        BrokerFrame::Released(it) => BrokerFrame::Released(it),
        BrokerFrame::Attached(it) => BrokerFrame::Attached(it),
        BrokerFrame::Detached(it) => BrokerFrame::Detached(it),
        BrokerFrame::Owner(it) => BrokerFrame::Owner(it),
        BrokerFrame::Disconnect(it) => BrokerFrame::Disconnect(it),
        BrokerFrame::Ping(it) => BrokerFrame::Ping(it),
        BrokerFrame::Pong(it) => BrokerFrame::Pong(it),
        other => panic!("this version doesn't send {other:?}"),
    }
}

fn body(body: Body<'_>) -> Body<'static> {
    Body {
        key: body.key.map(owned),
        content: body.content,
        headers: body
            .headers
            .into_iter()
            .map(|(name, value)| (owned(name), owned(value)))
            .collect(),
        payload: Cow::Owned(body.payload.into_owned()),
    }
}

fn owned(text: Cow<'_, str>) -> Cow<'static, str> {
    Cow::Owned(text.into_owned())
}
