//! Calls, and what they say if there is no answer.

use std::time::Duration;

use broker_tests::Transport;
use client_sdk::{CallError, ResolveError};

use tokio::task::JoinSet;

use crate::sums::{Abacus, Hung, Overflow, Scene, Sums};
use crate::{connect, within};

broker_tests::over_every_transport!(
    a_call_has_the_answer_of_its_method_or_its_own_error,
    a_service_that_nobody_serves_is_told_at_once,
    a_call_that_takes_too_long_ends_at_both_sides,
    a_call_that_is_dropped_ends_at_the_far_end,
    a_method_that_panics_fails_that_call_alone,
    calls_beyond_those_that_may_wait_are_told_busy,
    what_is_too_large_is_refused_before_it_is_sent,
    an_answer_that_is_too_large_is_told_to_the_caller,
    who_calls_is_known_to_the_method,
);

async fn a_call_has_the_answer_of_its_method_or_its_own_error(over: Transport) {
    let scene = Scene::new(over).await;
    assert_eq!(within(scene.sums.add(20, 22)).await, Ok(42));
    let error = within(scene.sums.add(i64::MAX, 1)).await.unwrap_err();
    assert_eq!(error, CallError::Application(Overflow { one: i64::MAX, other: 1 }));
    let json = scene.sums.json();
    assert_eq!(within(json.add(20, 22)).await, Ok(42));
    let error = within(json.add(1, i64::MAX)).await.unwrap_err();
    assert_eq!(error, CallError::Application(Overflow { one: 1, other: i64::MAX }));
    assert_eq!(within(scene.sums.repeat("ab".to_owned(), 3)).await.unwrap(), "ababab");
}

async fn a_service_that_nobody_serves_is_told_at_once(over: Transport) {
    let scene = Scene::new(over).await;
    let error = within(scene.client.resolve::<dyn Sums>("products")).await.unwrap_err();
    assert_eq!(error, ResolveError::NotServed { name: "products".to_owned() });
    drop(scene.serving);
    // Who serves says so behind what it sent before.
    within(scene.provider.publish_acked("said", "")).await.unwrap();
    assert_eq!(within(scene.sums.add(1, 1)).await, Err(CallError::NotServed));
}

async fn a_call_that_takes_too_long_ends_at_both_sides(over: Transport) {
    let mut scene = Scene::new(over).await;
    let error = within(scene.sums.hang_briefly()).await.unwrap_err();
    assert_eq!(error, CallError::TimedOut(Duration::from_millis(100)));
    is_over_there(&mut scene).await;
    let mut short = Duration::from_millis(150);
    loop {
        let error = within(scene.sums.timeout(short).hang()).await.unwrap_err();
        assert_eq!(error, CallError::TimedOut(short));
        if is_over_there(&mut scene).await {
            break;
        }
        short *= 2;
    }
}

/// Whether a call that was given up had come to the object: then it ends there too.
async fn is_over_there(scene: &mut Scene) -> bool {
    // A call behind it: what hasn't begun by now was over before it came there.
    assert_eq!(within(scene.sums.add(1, 2)).await, Ok(3));
    match scene.hung.try_recv() {
        Ok(hung) => assert_eq!((hung, scene.hung().await), (Hung::Entered, Hung::Dropped)),
        Err(_) => return false,
    }
    true
}

async fn a_call_that_is_dropped_ends_at_the_far_end(over: Transport) {
    let mut scene = Scene::new(over).await;
    let sums = scene.sums.clone();
    let call = tokio::spawn(async move { sums.hang().await });
    assert_eq!(scene.hung().await, Hung::Entered);
    call.abort();
    assert_eq!(scene.hung().await, Hung::Dropped);
    assert_eq!(within(scene.sums.add(1, 2)).await, Ok(3));
}

async fn a_method_that_panics_fails_that_call_alone(over: Transport) {
    let scene = Scene::new(over).await;
    let error = within(scene.sums.fall()).await.unwrap_err();
    assert!(matches!(error, CallError::Failed { .. }), "{error:?}");
    assert_eq!(within(scene.sums.add(1, 2)).await, Ok(3));
}

async fn calls_beyond_those_that_may_wait_are_told_busy(over: Transport) {
    let scene = Scene::new(over).await;
    let (abacus, mut hung) = Abacus::new();
    let serving = scene.provider.serving("narrow").serial().waiting_max(1);
    let _serving = within(serving.start::<dyn Sums, _>(abacus)).await.unwrap();
    let narrow = within(scene.client.resolve::<dyn Sums>("narrow")).await.unwrap();
    let hang = || {
        let narrow = narrow.clone();
        tokio::spawn(async move { narrow.hang().await })
    };
    let first = hang();
    assert_eq!(within(hung.recv()).await, Some(Hung::Entered));
    // One is carried out, one waits, and for a third there is no room.
    let mut others = JoinSet::new();
    for _ in 0..2 {
        let narrow = narrow.clone();
        others.spawn(async move { narrow.hang().await });
    }
    let error = within(others.join_next()).await.unwrap().unwrap().unwrap_err();
    assert!(matches!(error, CallError::Busy { .. }), "{error:?}");
    first.abort();
    assert_eq!(within(hung.recv()).await, Some(Hung::Dropped));
    assert_eq!(within(hung.recv()).await, Some(Hung::Entered), "the other one had waited");
    others.abort_all();
    assert_eq!(within(hung.recv()).await, Some(Hung::Dropped));
}

async fn what_is_too_large_is_refused_before_it_is_sent(over: Transport) {
    let scene = Scene::new(over).await;
    let text = "x".repeat(1 << 20);
    let error = within(scene.sums.repeat(text, 1)).await.unwrap_err();
    assert!(matches!(error, CallError::TooLarge { bytes, limit } if bytes as u64 > limit));
    assert_eq!(within(scene.sums.add(1, 2)).await, Ok(3));
}

async fn an_answer_that_is_too_large_is_told_to_the_caller(over: Transport) {
    let scene = Scene::new(over).await;
    let error = within(scene.sums.repeat("x".to_owned(), 1 << 20)).await.unwrap_err();
    let is_told = matches!(&error, CallError::Failed { code, .. } if code == "payload-too-large");
    assert!(is_told, "{error:?}");
    assert_eq!(within(scene.sums.add(1, 2)).await, Ok(3));
}

async fn who_calls_is_known_to_the_method(over: Transport) {
    let scene = Scene::new(over).await;
    let other = connect(&scene.setting.place, "other").await;
    let others = within(other.resolve::<dyn Sums>("sums")).await.unwrap();
    assert_eq!(within(scene.sums.who()).await.unwrap().as_deref(), Some("caller"));
    assert_eq!(within(others.who()).await.unwrap().as_deref(), Some("other"));
    assert_eq!(client_sdk::interface::Caller::current(), None, "nobody calls here");
}
