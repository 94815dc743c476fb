//! Many callbacks are called at once.

use broker_tests::{Setting, Transport};
use client_sdk::Client;
use client_sdk::interface::{CallError, Callback, CallbackSet, Offered};
use tokio::sync::mpsc::Receiver;

use crate::listener::{Call, Ear, connect, hand, next, offer, within};
use crate::paces::statistic;

broker_tests::over_every_transport!(
    a_set_calls_who_is_attached_from_then_on_and_until_then,
    a_broadcast_to_many_is_one_message,
    who_is_over_leaves_the_set,
    a_set_that_is_dropped_detaches_its_callbacks,
    a_set_in_json_calls_the_same_objects,
    what_is_attached_is_so_until_the_last_service_ends_that_attached_it,
);

struct Member {
    callback: Callback<dyn Ear>,
    calls: Receiver<Call>,
    offered: Offered<dyn Ear>,
}

async fn member(owner: &Client, service: &Client) -> Member {
    let (offered, calls) = offer(owner).await;
    let callback = hand(offered.callback(), owner, service).await;
    Member { callback, calls, offered }
}

async fn ends(setting: &Setting) -> (Client, Client) {
    (connect(&setting.place, "owner").await, connect(&setting.place, "service").await)
}

/// All that was called before has come to this member.
async fn nothing_waits(member: &mut Member) -> Vec<Call> {
    assert_eq!(within(member.callback.confirm(0)).await, Ok(1));
    let mut heard = Vec::new();
    loop {
        match next(&mut member.calls).await {
            Call::Asked(0) => return heard,
            call => heard.push(call),
        }
    }
}

async fn a_set_calls_who_is_attached_from_then_on_and_until_then(over: Transport) {
    let setting = over.start().await.unwrap();
    let (owner, service) = ends(&setting).await;
    let (mut one, mut other) = (member(&owner, &service).await, member(&owner, &service).await);
    let set: CallbackSet<dyn Ear> = service.callback_set("room");
    set.said(1);
    within(set.attach(&one.callback)).await.unwrap();
    set.said(2);
    within(set.attach(&other.callback)).await.unwrap();
    within(set.attach(&other.callback)).await.unwrap();
    assert_eq!(set.len(), 2);
    set.said(3);
    within(set.detach(&one.callback)).await.unwrap();
    set.said(4);
    within(set.detach(&one.callback)).await.unwrap();
    within(set.attach(&one.callback)).await.unwrap();
    set.said(5);
    let said = |numbers: &[u64]| numbers.iter().map(|one| Call::Said(*one)).collect::<Vec<_>>();
    assert_eq!(nothing_waits(&mut one).await, said(&[2, 3, 5]));
    assert_eq!(nothing_waits(&mut other).await, said(&[3, 4, 5]));
}

async fn a_broadcast_to_many_is_one_message(over: Transport) {
    const MEMBERS: usize = 50;
    const CALLS: u64 = 20;
    let setting = over.start().await.unwrap();
    let service = connect(&setting.place, "service").await;
    let set: CallbackSet<dyn Ear> = service.callback_set("room");
    let mut members = Vec::new();
    for number in 0..MEMBERS {
        let owner = connect(&setting.place, &format!("owner{}", number % 5)).await;
        members.push((member(&owner, &service).await, owner));
        within(set.attach(&members[number].0.callback)).await.unwrap();
    }
    let before = statistic(&service, "published").await;
    for number in 0..CALLS {
        set.said(number);
    }
    for (member, _) in &mut members {
        for number in 0..CALLS {
            assert_eq!(next(&mut member.calls).await, Call::Said(number));
        }
    }
    assert_eq!(statistic(&service, "published").await - before, CALLS);
}

async fn who_is_over_leaves_the_set(over: Transport) {
    let setting = over.start().await.unwrap();
    let (owner, service) = ends(&setting).await;
    let (one, mut other) = (member(&owner, &service).await, member(&owner, &service).await);
    let set: CallbackSet<dyn Ear> = service.callback_set("room");
    within(set.attach(&one.callback)).await.unwrap();
    within(set.attach(&other.callback)).await.unwrap();
    drop(one.offered);
    within(one.callback.released()).await;
    within(async {
        while set.len() > 1 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(within(set.attach(&one.callback)).await, Err(CallError::Released));
    assert_eq!(within(set.detach(&one.callback)).await, Ok(()));
    set.said(1);
    assert_eq!(next(&mut other.calls).await, Call::Said(1));
    within(owner.close()).await;
    within(other.callback.released()).await;
    within(async {
        while !set.is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

async fn a_set_that_is_dropped_detaches_its_callbacks(over: Transport) {
    let setting = over.start().await.unwrap();
    let (owner, service) = ends(&setting).await;
    let mut one = member(&owner, &service).await;
    let set: CallbackSet<dyn Ear> = service.callback_set("room");
    let clone = set.clone();
    within(set.attach(&one.callback)).await.unwrap();
    drop(set);
    clone.said(1);
    drop(clone);
    let again: CallbackSet<dyn Ear> = service.callback_set("room");
    again.said(2);
    assert_eq!(nothing_waits(&mut one).await, [Call::Said(1)]);
    within(again.attach(&one.callback)).await.unwrap();
    again.said(3);
    assert_eq!(nothing_waits(&mut one).await, [Call::Said(3)]);
}

async fn a_set_in_json_calls_the_same_objects(over: Transport) {
    let setting = over.start().await.unwrap();
    let (owner, service) = ends(&setting).await;
    let mut one = member(&owner, &service).await;
    let set: CallbackSet<dyn Ear> = service.json_callback_set("room");
    within(set.attach(&one.callback)).await.unwrap();
    set.said(1);
    within(service.publish("room.said", client_sdk::Body::json(r#"{"number":2}"#))).await.unwrap();
    set.typing(7, 3);
    let mut heard =
        [next(&mut one.calls).await, next(&mut one.calls).await, next(&mut one.calls).await];
    // Another lane: there is no order between them.
    heard.sort_by_key(|call| matches!(call, Call::Typing(..)));
    assert_eq!(heard, [Call::Said(1), Call::Said(2), Call::Typing(7, 3)]);
}

async fn what_is_attached_is_so_until_the_last_service_ends_that_attached_it(over: Transport) {
    let setting = over.start().await.unwrap();
    let (owner, observer) = ends(&setting).await;
    let mut one = member(&owner, &observer).await;
    let mut services = Vec::new();
    for name in ["first", "second"] {
        let service = connect(&setting.place, name).await;
        let callback = hand(one.offered.callback(), &owner, &service).await;
        let set: CallbackSet<dyn Ear> = service.callback_set("room");
        within(set.attach(&callback)).await.unwrap();
        services.push((service, set));
    }
    let everybody: CallbackSet<dyn Ear> = observer.callback_set("room");
    for (number, (service, _set)) in (1..).zip(services) {
        everybody.said(number);
        assert_eq!(nothing_waits(&mut one).await, [Call::Said(number)]);
        within(service.close()).await;
    }
    within(async {
        // Until it is detached, it hears.
        loop {
            everybody.said(9);
            if nothing_waits(&mut one).await.is_empty() {
                break;
            }
        }
    })
    .await;
}
