//! What programs that use the SDK may rely on.

#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use broker_tests::{PATIENCE, Place, Transport};
use client_sdk::{
    Body, Client, Codec, ConnectionState, Event, GapCause, LaneOptions, Message, MessageStream,
    Overflow, PublishError, Refusal, Request, RequestError,
};
use tokio::sync::mpsc;
use tokio::time::timeout;

broker_tests::over_transport!(lost Memory: a_cut_link_is_made_anew_and_the_books_balance);
broker_tests::over_every_transport!(
    a_publisher_and_a_callback_meet,
    ten_thousand_messages_come_in_order,
    requests_are_answered_refused_and_cancelled,
    joins_and_leaves_are_seen_at_once,
    a_client_is_reached_by_name,
    a_queue_group_shares_the_work,
    thousands_of_subscriptions_share_a_connection,
    a_subscriber_that_is_slow_balances_its_books,
    a_broker_that_drains_is_told_apart_from_a_lost_one,
);

async fn connect(place: &Place, name: &str) -> Client {
    let builder = Client::builder(&place.url).name(name).with_connector(place.connector());
    within(builder.connect()).await.unwrap()
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("it takes too long")
}

async fn next(stream: &mut MessageStream) -> Event {
    within(stream.next()).await.expect("the stream goes on")
}

async fn next_message(stream: &mut MessageStream) -> Message {
    loop {
        match next(stream).await {
            Event::Message(message) => return message,
            Event::Subscribed(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

async fn a_publisher_and_a_callback_meet(over: Transport) {
    let setting = over.start().await.unwrap();
    for codec in [Codec::Bincode, Codec::Json] {
        let builder = Client::builder(&setting.place.url).codec(codec);
        let builder = builder.with_connector(setting.place.connector());
        let client = within(builder.connect()).await.unwrap();
        let (heard, mut messages) = mpsc::channel(10);
        let calls = move |message: &Message| heard.try_send(message.clone()).unwrap();
        let subscription = within(client.subscribe("meet.*", calls)).await.unwrap();
        let body = Body::json(r#"{"a":1}"#).key("k").header("h", "v");
        within(client.publish_acked("meet.here", body.clone())).await.unwrap();
        let message = within(messages.recv()).await.unwrap();
        assert_eq!((&*message.topic, &message.body), ("meet.here", &body));
        assert_eq!(message.from.as_deref(), client.name().as_deref());
        within(subscription.unsubscribe()).await;
        assert!(within(messages.recv()).await.is_none());
        within(client.close()).await;
    }
}

async fn ten_thousand_messages_come_in_order(over: Transport) {
    let setting = over.start().await.unwrap();
    let subscriber = connect(&setting.place, "subscriber").await;
    let publisher = connect(&setting.place, "publisher").await;
    let mut stream = within(subscriber.stream("order")).await.unwrap();
    let publish = async {
        for number in 0..10_000_u32 {
            publisher.publish("order", number.to_string()).await.unwrap();
            if number % 1000 == 999 {
                publisher.publish_acked("paced", "").await.unwrap();
            }
        }
    };
    let receive = async {
        for number in 0..10_000_u32 {
            let message = next_message(&mut stream).await;
            assert_eq!(message.text(), Some(&*number.to_string()));
            assert_eq!(message.seq, u64::from(number) + 1);
        }
    };
    within(async { tokio::join!(publish, receive) }).await;
}

async fn requests_are_answered_refused_and_cancelled(over: Transport) {
    let setting = over.start().await.unwrap();
    let provider = connect(&setting.place, "provider").await;
    let asker = connect(&setting.place, "asker").await;
    let refused = within(asker.request("math.double", "1")).await.unwrap_err();
    assert_eq!(refused, RequestError::NobodyAnswers);

    let (abandoned, mut abandonments) = mpsc::channel::<()>(1);
    let double = move |request: Request| {
        let abandoned = abandoned.clone();
        async move {
            if request.text() == Some("hang") {
                // Told by being dropped: the receiver sees it when the last sender is gone.
                abandoned.send(()).await.unwrap();
                std::future::pending::<()>().await;
            }
            let number: i64 =
                request.text().unwrap().parse().map_err(|e| Refusal::new("nan", e))?;
            Ok(Body::from((number * 2).to_string()))
        }
    };
    let serving = within(provider.provide("math.*", double)).await.unwrap();
    let reply = within(asker.request("math.double", "21")).await.unwrap();
    assert_eq!((reply.text(), reply.from.as_deref()), (Some("42"), Some("provider")));
    let refused = within(asker.request("math.double", "x")).await.unwrap_err();
    assert!(matches!(refused, RequestError::Failed { .. }), "{refused}");

    let short = Duration::from_millis(50);
    let late = within(asker.request_within(short, "math.double", "hang")).await.unwrap_err();
    assert_eq!(late, RequestError::TimedOut(short));
    within(abandonments.recv()).await.unwrap();
    drop(serving);
    // The sender in the provider and the one in the abandoned answer are dropped.
    assert!(within(abandonments.recv()).await.is_none());
}

async fn joins_and_leaves_are_seen_at_once(over: Transport) {
    let setting = over.start().await.unwrap();
    let watcher = connect(&setting.place, "watcher").await;
    let builder = watcher.subscription("room").presence(true);
    let mut stream = within(builder.stream()).await.unwrap();
    let mut present = BTreeSet::new();
    let guest = connect(&setting.place, "guest").await;
    let subscription = within(guest.subscribe("room", |_: &Message| {})).await.unwrap();
    while present.len() < 2 {
        if let Event::Presence(presence) = next(&mut stream).await {
            present.extend(presence.joined);
        }
    }
    assert_eq!(present, ["guest", "watcher"].map(String::from).into());
    drop(subscription);
    drop(guest);
    loop {
        if let Event::Presence(presence) = next(&mut stream).await
            && presence.left == ["guest"]
        {
            return;
        }
    }
}

async fn a_client_is_reached_by_name(over: Transport) {
    let setting = over.start().await.unwrap();
    let alice = connect(&setting.place, "alice").await;
    let bob = connect(&setting.place, "bob").await;
    let (heard, mut messages) = mpsc::channel(10);
    let _direct = bob.direct(move |message: &Message| heard.try_send(message.clone()).unwrap());
    within(alice.send("bob", "psst")).await.unwrap();
    let message = within(messages.recv()).await.unwrap();
    assert_eq!((&*message.topic, message.text()), ("$to.bob", Some("psst")));
    assert_eq!(message.from.as_deref(), Some("alice"));
    let refused = within(alice.send("carol", "psst")).await.unwrap_err();
    assert!(matches!(refused, PublishError::NoSuchClient { .. }), "{refused}");
}

async fn a_queue_group_shares_the_work(over: Transport) {
    let setting = over.start().await.unwrap();
    let client = connect(&setting.place, "workers").await;
    let (done, mut work) = mpsc::channel(1000);
    let mut guards = Vec::new();
    for worker in 0..4 {
        let done = done.clone();
        let calls = move |message: &Message| {
            done.try_send((worker, message.text().unwrap().to_owned())).unwrap();
        };
        guards.push(within(client.subscription("jobs").group("g").start(calls)).await.unwrap());
    }
    for job in 0..100 {
        client.publish("jobs", job.to_string()).await.unwrap();
    }
    let (mut jobs, mut workers) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..100 {
        let (worker, job) = within(work.recv()).await.unwrap();
        workers.insert(worker);
        assert!(jobs.insert(job.clone()), "{job} was given twice");
    }
    assert!(workers.len() > 1);
}

async fn thousands_of_subscriptions_share_a_connection(over: Transport) {
    let setting = over.start().await.unwrap();
    let client = connect(&setting.place, "many").await;
    let (heard, mut messages) = mpsc::channel(10_000);
    let subscribe = |number: u32| {
        let (client, heard) = (client.clone(), heard.clone());
        async move {
            let calls = move |message: &Message| heard.try_send(message.seq).unwrap();
            client.subscribe(&format!("many.{}", number % 100), calls).await.unwrap()
        }
    };
    let tasks: Vec<_> = (0..2000).map(|number| tokio::spawn(subscribe(number))).collect();
    let mut guards = Vec::new();
    for task in tasks {
        guards.push(within(task).await.unwrap());
    }
    within(client.publish_acked("many.7", "x")).await.unwrap();
    for _ in 0..20 {
        assert_eq!(within(messages.recv()).await, Some(1));
    }
}

async fn a_subscriber_that_is_slow_balances_its_books(over: Transport) {
    const PUBLISHED: u64 = 5000;
    let setting = over.start().await.unwrap();
    let subscriber = connect(&setting.place, "slow").await;
    let publisher = connect(&setting.place, "fast").await;
    let options = LaneOptions { overflow: Some(Overflow::DropOldest), ..LaneOptions::default() };
    let builder = subscriber.subscription("books.*").lane_options(options).inbox(10, 1 << 20);
    let mut stream = within(builder.stream()).await.unwrap();
    for number in 0..PUBLISHED {
        let topic = format!("books.{}", number % 3);
        within(publisher.publish(&topic, "x")).await.unwrap();
    }
    within(publisher.publish_acked("books.0", "the last")).await.unwrap();
    let (mut received, mut missed) = (0, 0);
    while received + missed < PUBLISHED + 1 {
        match next(&mut stream).await {
            Event::Message(_) => received += 1,
            Event::Gap(gap) => {
                assert_ne!(gap.reason, GapCause::Interrupted);
                missed += gap.count;
            }
            Event::Subscribed(_) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(received + missed, PUBLISHED + 1);
}

async fn a_broker_that_drains_is_told_apart_from_a_lost_one(over: Transport) {
    let setting = over.start().await.unwrap();
    let (told, mut states) = mpsc::channel(100);
    let builder = Client::builder(&setting.place.url)
        .with_connector(setting.place.connector())
        .on_state(move |state| told.try_send(state).unwrap());
    let client = within(builder.connect()).await.unwrap();
    let mut stream = within(client.stream("x")).await.unwrap();
    assert!(matches!(next(&mut stream).await, Event::Subscribed(_)));
    within(setting.running.shutdown()).await;
    let error = loop {
        if let Some(ConnectionState::Reconnecting { error, .. }) = within(states.recv()).await {
            break error;
        }
    };
    assert!(error.contains("shutting-down"), "{error}");
    within(client.close()).await;
    assert!(matches!(next(&mut stream).await, Event::Ended(_)));
}

async fn a_cut_link_is_made_anew_and_the_books_balance(over: Transport) {
    const PUBLISHED: u64 = 300;
    let setting = over.start().await.unwrap();
    // Its session ends with its connection: what is missed meanwhile is told.
    let builder = Client::builder(&setting.place.url).session_expiry(Duration::ZERO);
    let builder = builder.with_connector(setting.place.connector());
    let subscriber = within(builder.connect()).await.unwrap();
    let mut stream = within(subscriber.stream("books")).await.unwrap();
    let publisher = connect(&setting.place, "publisher").await;
    let link = setting.place.network.as_ref().unwrap().links().remove(0);
    for number in 0..PUBLISHED {
        within(publisher.publish_acked("books", "x")).await.unwrap();
        if number == 50 {
            link.cut();
        }
    }
    let (mut received, mut missed, mut begun) = (0, 0, 0);
    let mut published = PUBLISHED;
    while received + missed < published {
        match next(&mut stream).await {
            Event::Message(_) => received += 1,
            Event::Gap(gap) => missed += gap.count,
            Event::Interrupted(_) => {}
            Event::Subscribed(_) => begun += 1,
            other => panic!("{other:?}"),
        }
        if begun == 2 && published == PUBLISHED {
            // How much was missed shows with the first message that comes behind.
            within(publisher.publish_acked("books", "the last")).await.unwrap();
            published += 1;
        }
    }
    assert_eq!((received + missed, begun), (published, 2));
}
