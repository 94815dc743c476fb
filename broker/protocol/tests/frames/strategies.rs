//! Strategies for any frame.

use std::borrow::Cow;

use broker_protocol::ErrorCode;
use broker_protocol::frame::*;
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

fn number() -> BoxedStrategy<u64> {
    prop_oneof![
        select(vec![0, 1, 250, 251, 65_535, 65_536, u64::from(u32::MAX), u64::from(u32::MAX) + 1]),
        0u64..1 << 53,
    ]
    .boxed()
}

fn text() -> BoxedStrategy<String> {
    prop_oneof!["[a-z.$>*]{0,12}", "\\PC{0,8}", any::<String>()].boxed()
}

fn cow() -> BoxedStrategy<Cow<'static, str>> {
    text().prop_map(Cow::Owned).boxed()
}

fn content() -> BoxedStrategy<Content> {
    select(vec![Content::Bytes, Content::Text, Content::Json]).boxed()
}

fn payload() -> BoxedStrategy<Vec<u8>> {
    let document = select(vec![
        "{}",
        " [1, 2.50,\n\"a\\u0000\"]\r\n",
        "12345678901234567890123456789",
        "null",
        "\"\\ud800\"",
        "{\"a\":{\"a\":[[[]]]}}",
        "[1,]",
    ]);
    prop_oneof![
        vec(any::<u8>(), 0..300),
        text().prop_map(String::into_bytes),
        document.prop_map(|document| document.as_bytes().to_vec()),
    ]
    .boxed()
}

fn body() -> BoxedStrategy<Body<'static>> {
    (of(cow()), content(), vec((cow(), cow()), 0..4), payload())
        .prop_map(|(key, content, headers, payload)| Body {
            key,
            content,
            headers,
            payload: Cow::Owned(payload),
        })
        .boxed()
}

fn outcome() -> BoxedStrategy<Outcome<'static>> {
    let failure = (text(), text());
    prop_oneof![
        body().prop_map(Outcome::Answer),
        failure.prop_map(|(code, message)| Outcome::Failure(RequestError { code, message })),
    ]
    .boxed()
}

fn keep() -> BoxedStrategy<Keep> {
    prop_oneof![Just(Keep::All), any::<u32>().prop_map(Keep::Latest), Just(Keep::Merge)].boxed()
}

fn overflow() -> BoxedStrategy<Overflow> {
    select(vec![Overflow::Disconnect, Overflow::DropOldest, Overflow::Resync]).boxed()
}

fn options() -> BoxedStrategy<LaneOptions> {
    let bounds = (of(any::<u32>()), of(number()), of(number()));
    (of(keep()), of(overflow()), bounds, of(any::<u8>()), of(any::<bool>()))
        .prop_map(|(keep, overflow, bounds, priority, unreliable)| LaneOptions {
            keep,
            overflow,
            bound_messages: bounds.0,
            bound_bytes: bounds.1,
            min_interval: bounds.2,
            priority,
            unreliable,
        })
        .boxed()
}

fn replay() -> BoxedStrategy<Replay> {
    prop_oneof![
        Just(Replay::None),
        Just(Replay::Last),
        any::<u32>().prop_map(Replay::Newest),
        (number(), number()).prop_map(|(epoch, seq)| Replay::Since { epoch, seq }),
    ]
    .boxed()
}

fn positions() -> BoxedStrategy<Vec<LanePosition>> {
    vec((any::<u8>(), number()).prop_map(|(lane, frames)| LanePosition { lane, frames }), 0..4)
        .boxed()
}

fn code() -> BoxedStrategy<ErrorCode> {
    select(ErrorCode::ALL).boxed()
}

fn ping() -> BoxedStrategy<Ping> {
    of(number()).prop_map(|mark| Ping { mark }).boxed()
}

fn pong() -> BoxedStrategy<Pong> {
    let lag = (any::<u8>(), number(), number(), number())
        .prop_map(|(lane, messages, bytes, age)| LaneLag { lane, messages, bytes, age });
    (of(number()), vec(lag, 0..4)).prop_map(|(mark, lag)| Pong { mark, lag }).boxed()
}

fn connect() -> BoxedStrategy<Connect> {
    let client = (of(text()), of(text())).prop_map(|(name, sdk)| ClientInfo { name, sdk });
    let resume = (text(), text(), positions()).prop_map(|(session, secret, lanes)| Resume {
        session,
        secret,
        lanes,
    });
    let wishes = (of(number()), of(any::<u32>()), of(number()));
    (any::<u32>(), client, of(text()), of(resume), wishes)
        .prop_map(|(version, client, credential, resume, wishes)| Connect {
            version,
            client,
            credential,
            resume,
            receive_window: wishes.0,
            session_expiry: wishes.0,
            packet_bytes_max: wishes.1,
            ping_interval: wishes.2,
        })
        .boxed()
}

fn subscribe() -> BoxedStrategy<Subscribe> {
    (number(), text(), of(any::<u8>()), of(options()), replay(), of(text()), any::<bool>())
        .prop_map(|(id, filter, lane, options, replay, group, presence)| Subscribe {
            id,
            filter,
            lane,
            options,
            replay,
            group,
            presence,
        })
        .boxed()
}

fn publish() -> BoxedStrategy<Publish<'static>> {
    (of(number()), cow(), body(), any::<bool>(), of(number()))
        .prop_map(|(id, topic, body, retain, expires_in)| Publish {
            id,
            topic,
            body,
            retain,
            expires_in,
        })
        .boxed()
}

fn send() -> BoxedStrategy<Send<'static>> {
    (of(number()), cow(), of(cow()), body(), of(number()))
        .prop_map(|(id, to, method, body, expires_in)| Send { id, to, method, body, expires_in })
        .boxed()
}

fn offer() -> BoxedStrategy<Offer> {
    let method = (text(), any::<u8>(), of(options()))
        .prop_map(|(method, lane, options)| OfferedMethod { method, lane, options });
    (number(), text(), vec(method, 0..4))
        .prop_map(|(id, interface, methods)| Offer { id, interface, methods })
        .boxed()
}

pub(crate) fn client_frame() -> BoxedStrategy<ClientFrame<'static>> {
    prop_oneof![
        ping().prop_map(ClientFrame::Ping),
        pong().prop_map(ClientFrame::Pong),
        connect().prop_map(ClientFrame::Connect),
        subscribe().prop_map(ClientFrame::Subscribe),
        publish().prop_map(ClientFrame::Publish),
        send().prop_map(ClientFrame::Send),
        offer().prop_map(ClientFrame::Offer),
        client_command(),
        client_notice(),
    ]
    .boxed()
}

fn client_command() -> BoxedStrategy<ClientFrame<'static>> {
    let lane = any::<u8>();
    prop_oneof![
        (number(), lane, options()).prop_map(|(id, lane, options)| ClientFrame::Update(Update {
            id,
            lane,
            options
        })),
        (number(), number(), lane, of(options())).prop_map(|(id, subscription, lane, options)| {
            ClientFrame::Move(Move { id, subscription, lane, options })
        }),
        (number(), number()).prop_map(|(id, subscription)| ClientFrame::Unsubscribe(Unsubscribe {
            id,
            subscription
        })),
        (number(), text(), of(lane)).prop_map(|(id, filter, lane)| ClientFrame::Serve(Serve {
            id,
            filter,
            lane
        })),
        (number(), cow(), body(), of(number())).prop_map(|(id, topic, body, timeout)| {
            ClientFrame::Request(Request { id, topic, body, timeout })
        }),
        (number(), text(), text()).prop_map(|(id, topic, callback)| ClientFrame::Attach(Attach {
            id,
            topic,
            callback
        })),
        (number(), text(), text()).prop_map(|(id, topic, callback)| ClientFrame::Detach(Detach {
            id,
            topic,
            callback
        })),
    ]
    .boxed()
}

fn client_notice() -> BoxedStrategy<ClientFrame<'static>> {
    prop_oneof![
        number().prop_map(|id| ClientFrame::Cancel(Cancel { id })),
        (cow(), outcome()).prop_map(|(to, outcome)| ClientFrame::Reply(Reply { to, outcome })),
        text().prop_map(|callback| ClientFrame::Release(Release { callback })),
        (number(), text(), any::<bool>()).prop_map(|(id, callback, presence)| {
            ClientFrame::Hold(Hold { id, callback, presence })
        }),
        (any::<u8>(), number(), number()).prop_map(|(lane, frames, bytes)| {
            ClientFrame::Consumed(Consumed { lane, frames, bytes })
        }),
        text().prop_map(|credential| ClientFrame::Authenticate(Authenticate { credential })),
        (text(), any::<bool>()).prop_map(|(reason, keep_session)| {
            ClientFrame::Disconnect(Disconnect { reason, keep_session })
        }),
    ]
    .boxed()
}

fn connected() -> BoxedStrategy<Connected> {
    let limits = (number(), number(), number(), number(), number()).prop_map(|all| SessionLimits {
        payload_bytes_max: all.0,
        frame_bytes_max: all.1,
        packet_bytes_max: all.2,
        subscriptions_max: all.3,
        commands_open_max: all.4,
    });
    let server = (text(), text()).prop_map(|(name, version)| ServerInfo { name, version });
    let texts = (text(), text(), text());
    (texts, any::<bool>(), positions(), limits, number(), server, of(number()))
        .prop_map(|(texts, resumed, lanes, limits, ping_interval, server, receive_window)| {
            let (session, secret, name) = texts;
            Connected {
                session,
                secret,
                name,
                resumed,
                lanes,
                limits,
                ping_interval,
                server,
                receive_window,
            }
        })
        .boxed()
}

pub(crate) fn message() -> BoxedStrategy<Message<'static>> {
    (number(), number(), number(), cow(), of(cow()), body())
        .prop_map(|(seq, epoch, time, topic, from, body)| Message {
            seq,
            epoch,
            time,
            topic,
            from,
            body,
        })
        .boxed()
}

fn gap() -> BoxedStrategy<Gap> {
    let reason = select(vec![
        GapReason::Conflated,
        GapReason::Merged,
        GapReason::Dropped,
        GapReason::Expired,
        GapReason::NotKept,
    ]);
    (of(text()), of(number()), of(number()), of(number()), number(), reason)
        .prop_map(|(topic, epoch, first_seq, last_seq, count, reason)| Gap {
            topic,
            epoch,
            first_seq,
            last_seq,
            count,
            reason,
        })
        .boxed()
}

pub(crate) fn broker_frame() -> BoxedStrategy<BrokerFrame<'static>> {
    prop_oneof![
        ping().prop_map(BrokerFrame::Ping),
        pong().prop_map(BrokerFrame::Pong),
        connected().prop_map(BrokerFrame::Connected),
        message().prop_map(BrokerFrame::Message),
        gap().prop_map(BrokerFrame::Gap),
        answer(),
        routed(),
        notice(),
    ]
    .boxed()
}

fn answer() -> BoxedStrategy<BrokerFrame<'static>> {
    prop_oneof![
        (number(), of(number()), of(any::<u8>()), of(text()), of(options())).prop_map(
            |(id, subscription, lane, callback, granted)| {
                BrokerFrame::Accepted(Accepted { id, subscription, lane, callback, granted })
            }
        ),
        (number(), code(), text(), of(text())).prop_map(|(id, code, message, field)| {
            BrokerFrame::Rejected(Rejected { id, code, message, field })
        }),
        number().prop_map(|subscription| BrokerFrame::CaughtUp(CaughtUp { subscription })),
    ]
    .boxed()
}

fn routed() -> BoxedStrategy<BrokerFrame<'static>> {
    prop_oneof![
        (cow(), cow(), of(cow()), number(), body(), of(cow())).prop_map(
            |(token, topic, from, timeout, body, session)| {
                let body = RoutedRequest { token, topic, from, timeout, body, session };
                BrokerFrame::Request(body)
            }
        ),
        (number(), of(cow()), outcome())
            .prop_map(|(id, from, outcome)| BrokerFrame::Reply(RoutedReply { id, from, outcome })),
        text().prop_map(|token| BrokerFrame::Cancelled(RoutedCancel { token })),
    ]
    .boxed()
}

fn notice() -> BoxedStrategy<BrokerFrame<'static>> {
    let released = select(vec![
        ReleasedReason::Released,
        ReleasedReason::Closed,
        ReleasedReason::TimedOut,
        ReleasedReason::Kicked,
    ]);
    let reconnect = prop_oneof![
        Just(Reconnect::Now),
        number().prop_map(Reconnect::Later),
        Just(Reconnect::Never)
    ];
    prop_oneof![
        (any::<u8>(), of(number()))
            .prop_map(|(lane, subscription)| BrokerFrame::Lane(LaneHeader { lane, subscription })),
        (text(), released)
            .prop_map(|(callback, reason)| BrokerFrame::Released(Released { callback, reason })),
        (text(), text())
            .prop_map(|(callback, topic)| BrokerFrame::Attached(Attached { callback, topic })),
        (text(), text())
            .prop_map(|(callback, topic)| BrokerFrame::Detached(Detached { callback, topic })),
        (text(), select(vec![OwnerState::Away, OwnerState::Back]), of(number())).prop_map(
            |(callback, state, hold)| BrokerFrame::Owner(Owner { callback, state, hold })
        ),
        (number(), vec(text(), 0..4), vec(text(), 0..4)).prop_map(
            |(subscription, joined, left)| BrokerFrame::Presence(Presence {
                subscription,
                joined,
                left
            })
        ),
        (number(), any::<u8>())
            .prop_map(|(subscription, lane)| { BrokerFrame::Moved(Moved { subscription, lane }) }),
        (code(), text(), reconnect).prop_map(|(code, reason, reconnect)| {
            BrokerFrame::Disconnect(Shutdown { code, reason, reconnect })
        }),
    ]
    .boxed()
}
