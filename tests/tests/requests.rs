//! Requests: every one gets exactly one answer, and soon.

#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use broker_protocol::Codec::{Bincode, Json};
use broker_protocol::ErrorCode;
use broker_protocol::frame::{
    Body, BrokerFrame, Cancel, ClientFrame, Outcome, Rejected, Reply, Request, RequestError,
    RoutedReply, RoutedRequest, Serve,
};
use broker_tests::{Client, Setting, Transport};

broker_tests::over_every_transport!(
    a_request_is_answered_by_its_provider,
    a_provider_may_refuse_in_its_own_words,
    where_nobody_serves_the_asker_is_told_at_once,
    a_request_that_is_not_answered_in_time_ends_at_both_sides,
    a_cancelled_request_ends_at_both_sides,
    a_provider_that_goes_away_is_told_at_once,
    a_provider_without_room_is_busy,
    several_providers_take_turns,
);

/// Longer than a test may take: an answer that comes is not the time-out's.
const LONG: Option<u64> = Some(300_000);

async fn asker_and_provider(setting: &Setting) -> (Client, Client) {
    let asker = Client::connect(&setting.place, Json, "asker").await;
    let mut provider = Client::connect(&setting.place, Bincode, "provider").await;
    serve(&mut provider).await;
    (asker, provider)
}

async fn serve(provider: &mut Client) {
    let id = provider.next_id();
    let serve = Serve { id, filter: "service.*".into(), lane: None };
    provider.ask(id, &ClientFrame::Serve(serve)).await.unwrap();
}

async fn request(asker: &mut Client, timeout: Option<u64>, payload: &[u8]) -> u64 {
    let id = asker.next_id();
    let body = Body { payload: payload.into(), ..Body::default() };
    let request = Request { id, topic: "service.one".into(), body, timeout };
    asker.send(&ClientFrame::Request(request)).await;
    id
}

async fn routed(provider: &mut Client) -> RoutedRequest<'static> {
    let request = provider.wait_for("a request", |heard| match &heard.frame {
        BrokerFrame::Request(request) => Some(request.clone()),
        _ => None,
    });
    request.await
}

async fn reply(provider: &mut Client, to: &RoutedRequest<'_>, outcome: Outcome<'_>) {
    let reply = Reply { to: to.token.clone(), outcome };
    provider.send(&ClientFrame::Reply(reply)).await;
}

async fn answer(asker: &mut Client, id: u64) -> RoutedReply<'static> {
    let reply = asker.wait_for("a reply", |heard| match &heard.frame {
        BrokerFrame::Reply(reply) if reply.id == id => Some(reply.clone()),
        _ => None,
    });
    reply.await
}

async fn refusal(asker: &mut Client, id: u64) -> Rejected {
    asker.answer_to(id).await.unwrap_err()
}

async fn cancelled(provider: &mut Client) -> String {
    let cancelled = provider.wait_for("cancelled", |heard| match &heard.frame {
        BrokerFrame::Cancelled(cancelled) => Some(cancelled.token.clone()),
        _ => None,
    });
    cancelled.await
}

async fn a_request_is_answered_by_its_provider(over: Transport) {
    let setting = over.start().await.unwrap();
    let (mut asker, mut provider) = asker_and_provider(&setting).await;
    let id = request(&mut asker, LONG, b"what?").await;
    let heard = routed(&mut provider).await;
    assert_eq!((&*heard.topic, heard.from.as_deref()), ("service.one", Some("asker")));
    assert_eq!(*heard.body.payload, *b"what?");
    let body = Body { payload: b"this".into(), ..Body::default() };
    reply(&mut provider, &heard, Outcome::Answer(body.clone())).await;
    let answer = answer(&mut asker, id).await;
    assert_eq!(answer.from.as_deref(), Some("provider"));
    assert_eq!(answer.outcome, Outcome::Answer(body));
}

async fn a_provider_may_refuse_in_its_own_words(over: Transport) {
    let setting = over.start().await.unwrap();
    let (mut asker, mut provider) = asker_and_provider(&setting).await;
    let id = request(&mut asker, LONG, b"").await;
    let heard = routed(&mut provider).await;
    let error = RequestError { code: "sold-out".into(), message: "try tomorrow".into() };
    reply(&mut provider, &heard, Outcome::Failure(error.clone())).await;
    assert_eq!(answer(&mut asker, id).await.outcome, Outcome::Failure(error));
}

async fn where_nobody_serves_the_asker_is_told_at_once(over: Transport) {
    let setting = over.start().await.unwrap();
    let mut asker = Client::connect(&setting.place, Bincode, "asker").await;
    let id = request(&mut asker, LONG, b"").await;
    assert_eq!(refusal(&mut asker, id).await.code, ErrorCode::NobodyAnswers);
}

async fn a_request_that_is_not_answered_in_time_ends_at_both_sides(over: Transport) {
    let setting = over.start().await.unwrap();
    let (mut asker, mut provider) = asker_and_provider(&setting).await;
    let id = request(&mut asker, Some(50), b"").await;
    let heard = routed(&mut provider).await;
    assert_eq!(refusal(&mut asker, id).await.code, ErrorCode::TimedOut);
    assert_eq!(cancelled(&mut provider).await, heard.token);
    reply(&mut provider, &heard, Outcome::Answer(Body::default())).await;
    let next = request(&mut asker, LONG, b"next").await;
    let heard = routed(&mut provider).await;
    reply(&mut provider, &heard, Outcome::Answer(Body::default())).await;
    assert_eq!(answer(&mut asker, next).await.id, next, "a late reply harms nothing");
}

async fn a_cancelled_request_ends_at_both_sides(over: Transport) {
    let setting = over.start().await.unwrap();
    let (mut asker, mut provider) = asker_and_provider(&setting).await;
    let id = request(&mut asker, LONG, b"").await;
    let heard = routed(&mut provider).await;
    asker.send(&ClientFrame::Cancel(Cancel { id })).await;
    assert_eq!(refusal(&mut asker, id).await.code, ErrorCode::Cancelled);
    assert_eq!(cancelled(&mut provider).await, heard.token);
}

async fn a_provider_that_goes_away_is_told_at_once(over: Transport) {
    let setting = over.start().await.unwrap();
    let (mut asker, mut provider) = asker_and_provider(&setting).await;
    let id = request(&mut asker, LONG, b"").await;
    routed(&mut provider).await;
    drop(provider);
    assert_eq!(refusal(&mut asker, id).await.code, ErrorCode::ProviderGone);
    let id = request(&mut asker, LONG, b"").await;
    assert_eq!(refusal(&mut asker, id).await.code, ErrorCode::NobodyAnswers);
}

async fn a_provider_without_room_is_busy(over: Transport) {
    /// More than sockets and lane hold of what the provider doesn't read.
    const REQUESTS: usize = 300;
    let setting = over.start().await.unwrap();
    let (mut asker, mut provider) = asker_and_provider(&setting).await;
    for _ in 0..REQUESTS {
        request(&mut asker, LONG, &[0; 64 << 10]).await;
    }
    let code = asker.wait_for("a refusal", |heard| match &heard.frame {
        BrokerFrame::Rejected(rejected) => Some(rejected.code),
        _ => None,
    });
    assert_eq!(code.await, ErrorCode::Busy);
    assert_eq!(routed(&mut provider).await.body.payload.len(), 64 << 10, "it lives on");
}

async fn several_providers_take_turns(over: Transport) {
    let setting = over.start().await.unwrap();
    let (mut asker, mut provider) = asker_and_provider(&setting).await;
    let mut other = Client::connect(&setting.place, Json, "other").await;
    serve(&mut other).await;
    for _ in 0..4 {
        request(&mut asker, LONG, b"").await;
    }
    for _ in 0..2 {
        routed(&mut provider).await;
        routed(&mut other).await;
    }
}
