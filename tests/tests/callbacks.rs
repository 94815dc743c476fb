//! Callbacks: a client offers them, whoever has the token calls them, and who holds them learns of
//! their end.

#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use std::time::Instant;

use broker::Broker;
use broker_protocol::Codec::{Bincode, Json};
use broker_protocol::ErrorCode;
use broker_protocol::frame::{
    Attach, Body, BrokerFrame, ClientFrame, Connect, Detach, GapReason, Hold, Keep, LaneOptions,
    LanePosition, Offer, OfferedMethod, Outcome, Release, Released, ReleasedReason, Reply, Request,
    Resume, Send,
};
use broker_tests::{Client, Setting, Transport};

broker_tests::over_every_transport!(
    a_callback_is_called_by_whoever_has_its_token,
    who_holds_a_hundred_callbacks_is_told_of_all_when_their_link_breaks,
    the_owner_is_told_behind_the_last_call_when_nobody_holds_it_any_more,
    an_attached_callback_gets_what_is_published_from_then_on,
    calls_of_a_lane_that_conflates_are_told_exactly,
    a_callback_goes_on_over_another_connection,
    who_holds_a_callback_is_told_of_its_end_when_it_comes_back,
    a_held_session_is_told_once_it_has_ended,
);

/// A broker whose clients live in different shards.
async fn start(over: Transport) -> Setting {
    over.start_with(Broker::builder().shards(3)).await.unwrap()
}

/// What a watcher is called by: one call after the other, and the newest of each key.
fn methods(min_interval: u64) -> Vec<OfferedMethod> {
    let (keep, min_interval) = (Some(Keep::Latest(1)), Some(min_interval));
    let options = Some(LaneOptions { keep, min_interval, ..LaneOptions::default() });
    vec![
        OfferedMethod { method: "done".into(), lane: 0, options: None },
        OfferedMethod { method: "tick".into(), lane: 1, options },
    ]
}

async fn offer(owner: &mut Client, methods: Vec<OfferedMethod>) -> String {
    let id = owner.next_id();
    let offer = Offer { id, interface: "watcher".into(), methods };
    owner.ask(id, &ClientFrame::Offer(offer)).await.unwrap().callback.unwrap()
}

async fn call(
    caller: &mut Client,
    (to, method): (&str, &str),
    payload: &str,
) -> Result<(), ErrorCode> {
    let id = caller.next_id();
    let body = Body { payload: payload.as_bytes().into(), ..Body::default() };
    let send =
        Send { id: Some(id), to: to.into(), method: Some(method.into()), body, expires_in: None };
    caller.ask(id, &ClientFrame::Send(send)).await.map(drop).map_err(|refused| refused.code)
}

async fn hold(holder: &mut Client, callback: &str) {
    let id = holder.next_id();
    let hold = Hold { id, callback: callback.into(), presence: false };
    let accepted = holder.ask(id, &ClientFrame::Hold(hold)).await.unwrap();
    assert_eq!(accepted.callback.as_deref(), Some(callback));
}

async fn release(client: &mut Client, callback: &str) {
    client.send(&ClientFrame::Release(Release { callback: callback.into() })).await;
}

async fn released(client: &mut Client) -> Released {
    let released = client.wait_for("released", |heard| match &heard.frame {
        BrokerFrame::Released(released) => Some(released.clone()),
        _ => None,
    });
    released.await
}

/// The payload, lane and `seq` of the next call.
async fn called(owner: &mut Client) -> (String, u8, u64) {
    let called = owner.wait_for("a call", |heard| match &heard.frame {
        BrokerFrame::Message(message) => {
            let payload = String::from_utf8_lossy(&message.body.payload).into_owned();
            Some((payload, heard.header.lane, message.seq))
        }
        _ => None,
    });
    called.await
}

async fn a_callback_is_called_by_whoever_has_its_token(over: Transport) {
    let setting = start(over).await;
    let mut owner = Client::connect(&setting.place, Json, "owner").await;
    let mut caller = Client::connect(&setting.place, Bincode, "caller").await;
    let callback = offer(&mut owner, methods(0)).await;
    call(&mut caller, (&callback, "tick"), "one").await.unwrap();
    assert_eq!(called(&mut owner).await, ("one".to_owned(), 1, 1));
    call(&mut caller, (&callback, "done"), "two").await.unwrap();
    assert_eq!(called(&mut owner).await, ("two".to_owned(), 0, 1));
    let refused = call(&mut caller, (&callback, "tock"), "").await;
    assert_eq!(refused, Err(ErrorCode::UnknownMethod));

    is_answered(&mut owner, &mut caller, &callback).await;
    owner.send(&ClientFrame::Release(Release { callback: callback.clone() })).await;
    owner.publish_acked("order", "").await.unwrap();
    let refused = call(&mut caller, (&callback, "tick"), "").await;
    assert_eq!(refused, Err(ErrorCode::UnknownCallback));
}

/// A call that is to be answered is.
async fn is_answered(owner: &mut Client, caller: &mut Client, callback: &str) {
    let (id, topic) = (caller.next_id(), format!("$to.{callback}.done").into());
    let request = Request { id, topic, body: Body::default(), timeout: None };
    caller.send(&ClientFrame::Request(request)).await;
    let asked = owner.wait_for("a request", |heard| match &heard.frame {
        BrokerFrame::Request(request) => Some(request.clone()),
        _ => None,
    });
    let asked = asked.await;
    assert_eq!(asked.session.as_deref(), Some(&*caller.connected.session));
    let outcome = Outcome::Answer(Body { payload: b"yes"[..].into(), ..Body::default() });
    owner.send(&ClientFrame::Reply(Reply { to: asked.token, outcome: outcome.clone() })).await;
    let reply = caller.wait_for("a reply", |heard| match &heard.frame {
        BrokerFrame::Reply(reply) if reply.id == id => Some(reply.outcome.clone()),
        _ => None,
    });
    assert_eq!(reply.await, outcome);
}

async fn who_holds_a_hundred_callbacks_is_told_of_all_when_their_link_breaks(over: Transport) {
    let setting = start(over).await;
    let mut owner = Client::connect(&setting.place, Bincode, "owner").await;
    let mut holder = Client::connect(&setting.place, Json, "holder").await;
    let mut callbacks = Vec::new();
    for _ in 0..100 {
        let callback = offer(&mut owner, methods(0)).await;
        hold(&mut holder, &callback).await;
        callbacks.push(callback);
    }
    let since = Instant::now();
    drop(owner);
    let mut told = Vec::new();
    for _ in 0..100 {
        told.push(released(&mut holder).await);
    }
    println!("{}: told of a hundred ends after {:?}", over.name(), since.elapsed());
    let ended = |released: &Released| {
        matches!(released.reason, ReleasedReason::TimedOut | ReleasedReason::Closed)
    };
    assert!(told.iter().all(ended), "{told:?}");
    let mut names: Vec<_> = told.into_iter().map(|released| released.callback).collect();
    names.sort_unstable();
    callbacks.sort_unstable();
    assert_eq!(names, callbacks);
}

async fn the_owner_is_told_behind_the_last_call_when_nobody_holds_it_any_more(over: Transport) {
    let setting = start(over).await;
    let mut owner = Client::connect(&setting.place, Json, "owner").await;
    let mut holder = Client::connect(&setting.place, Json, "holder").await;
    let callback = offer(&mut owner, methods(0)).await;
    hold(&mut holder, &callback).await;
    for number in 0..20 {
        let body = Body { payload: format!("{number}").into_bytes().into(), ..Body::default() };
        let (to, method) = ((&*callback).into(), Some("done".into()));
        holder
            .send(&ClientFrame::Send(Send { id: None, to, method, body, expires_in: None }))
            .await;
    }
    holder.send(&ClientFrame::Release(Release { callback: callback.clone() })).await;
    for _ in ["lane 0", "lane 1"] {
        let expected = Released { callback: callback.clone(), reason: ReleasedReason::Released };
        assert_eq!(released(&mut owner).await, expected);
    }
    let calls = owner.unasked().filter(|heard| matches!(heard.frame, BrokerFrame::Message(_)));
    assert_eq!(calls.count(), 20, "all came before the second of both lanes");
}

async fn an_attached_callback_gets_what_is_published_from_then_on(over: Transport) {
    let setting = start(over).await;
    let mut owner = Client::connect(&setting.place, Json, "owner").await;
    let mut service = Client::connect(&setting.place, Bincode, "service").await;
    let callback = offer(&mut owner, methods(0)).await;
    service.publish_acked("clock.tick", "before").await.unwrap();
    let (id, topic) = (service.next_id(), "clock".to_owned());
    let attach = Attach { id, topic: topic.clone(), callback: callback.clone() };
    service.send(&ClientFrame::Attach(attach)).await;
    service.publish("clock.tick", "right behind").await;
    let accepted = service.answer_to(id).await.unwrap();
    assert_eq!(accepted.callback, Some(callback.clone()));
    assert_eq!(called(&mut owner).await, ("right behind".to_owned(), 1, 2));
    let attached = owner.unasked().any(
        |heard| matches!(&heard.frame, BrokerFrame::Attached(attached) if attached.topic == topic),
    );
    assert!(attached, "it is told before");
    let id = service.next_id();
    let detach = Detach { id, topic, callback };
    service.ask(id, &ClientFrame::Detach(detach)).await.unwrap();
    service.publish_acked("clock.tick", "after").await.unwrap();
    owner.subscribe("own").await;
    owner.expect_nothing_else("own").await;
}

async fn calls_of_a_lane_that_conflates_are_told_exactly(over: Transport) {
    const CALLS: u64 = 50;
    let setting = start(over).await;
    let mut owner = Client::connect(&setting.place, Json, "owner").await;
    let mut caller = Client::connect(&setting.place, Bincode, "caller").await;
    let callback = offer(&mut owner, methods(200)).await;
    for number in 1..=CALLS {
        call(&mut caller, (&callback, "tick"), &number.to_string()).await.unwrap();
    }
    let (mut received, mut conflated, mut newest) = (0, 0, 0);
    while newest < CALLS {
        match owner.message_or_gap().await {
            Ok(message) => {
                assert!(message.seq > newest);
                (received, newest) = (received + 1, message.seq);
                assert_eq!(message.body.payload, newest.to_string().into_bytes());
            }
            Err(gap) => {
                assert_eq!(gap.reason, GapReason::Conflated);
                assert_eq!(gap.topic, Some(format!("$to.{callback}.tick")));
                conflated += gap.count;
            }
        }
    }
    assert!(conflated > 0, "it was to conflate");
    assert_eq!(received + conflated, CALLS);
}

async fn call_3_times(caller: &mut Client, to: (&str, &str)) {
    for number in 1..=3 {
        call(caller, to, &number.to_string()).await.unwrap();
    }
}

/// The calls in the lane that keeps all, once the last has come in both.
async fn calls_up_to_3(owner: &mut Client) -> Vec<u64> {
    let mut done = Vec::new();
    let mut ticks = Vec::new();
    while done.last() != Some(&3) || ticks.last() != Some(&3) {
        let (_, lane, seq) = called(owner).await;
        if lane == 0 { done.push(seq) } else { ticks.push(seq) }
    }
    done
}

/// The first answer, which comes again, to a client that repeats its first command.
async fn offered_first(owner: &mut Client) -> Option<String> {
    let offer = Offer { id: 1, interface: "watcher".into(), methods: methods(0) };
    owner.ask(1, &ClientFrame::Offer(offer)).await.unwrap().callback
}

/// Loses the connection of a client that hasn't received anything. Returns what to come back with.
fn lost(client: Client) -> Resume {
    let (session, secret) = (client.connected.session.clone(), client.connected.secret.clone());
    Resume { session, secret, lanes: vec![LanePosition { lane: 0, frames: 0 }] }
}

/// A client whose session outlives its connection.
async fn returning(setting: &Setting, resume: Option<Resume>) -> Client {
    let mut connect = Connect { version: 1, resume, ..Connect::default() };
    connect.client.name = Some("returning".into());
    let resumes = connect.resume.is_some();
    let client = Client::connect_as(&setting.place, Bincode, connect).await;
    assert_eq!(client.connected.resumed, resumes);
    client
}

async fn a_callback_goes_on_over_another_connection(over: Transport) {
    let setting = start(over).await;
    let mut caller = Client::connect(&setting.place, Bincode, "caller").await;
    let mut owner = returning(&setting, None).await;
    let callback = offer(&mut owner, methods(0)).await;
    hold(&mut caller, &callback).await;
    let resume = lost(owner);
    call_3_times(&mut caller, (&callback, "done")).await;
    call_3_times(&mut caller, (&callback, "tick")).await;
    let mut owner = returning(&setting, Some(resume)).await;
    assert_eq!(offered_first(&mut owner).await.as_deref(), Some(&*callback));
    let done = calls_up_to_3(&mut owner).await;
    assert_eq!(done, [1, 2, 3]);
    release(&mut owner, &callback).await;
    assert_eq!(released(&mut caller).await.callback, callback);
}

async fn who_holds_a_callback_is_told_of_its_end_when_it_comes_back(over: Transport) {
    let setting = start(over).await;
    let mut owner = Client::connect(&setting.place, Bincode, "owner").await;
    let mut holder = returning(&setting, None).await;
    let callback = offer(&mut owner, methods(0)).await;
    hold(&mut holder, &callback).await;
    let resume = lost(holder);
    release(&mut owner, &callback).await;
    let mut holder = returning(&setting, Some(resume)).await;
    let expected = Released { callback, reason: ReleasedReason::Released };
    assert_eq!(released(&mut holder).await, expected);
}

async fn a_held_session_is_told_once_it_has_ended(over: Transport) {
    let setting = start(over).await;
    let mut holder = Client::connect(&setting.place, Json, "holder").await;
    let other = Client::connect(&setting.place, Json, "other").await;
    let session = other.connected.session.clone();
    hold(&mut holder, &session).await;
    drop(other);
    assert_eq!(released(&mut holder).await.callback, session);
    let (id, again) = (holder.next_id(), session.clone());
    let refused =
        holder.ask(id, &ClientFrame::Hold(Hold { id, callback: again, presence: false })).await;
    assert_eq!(refused.unwrap_err().code, ErrorCode::UnknownCallback);
    holder.subscribe("own").await;
    holder.expect_nothing_else("own").await;
    let again = holder.unasked().any(|heard| matches!(heard.frame, BrokerFrame::Released(_)));
    assert!(!again, "it is told once");
}
