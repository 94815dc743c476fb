//! Clients that are away for a while: who asked is told at once, and everything else waits for them.

use std::time::{Duration, Instant};

use broker_tests::Transport;
use client_sdk::interface::{CallError, Callback, ReleaseReason};
use tokio::sync::mpsc::{self, Receiver};

use crate::listener::{Ear, HEARD_MAX, connect, open, settle, watchful, within};
use crate::other::{CALLBACKS, Role, handed_over, signal, start};
use crate::processes::{broker, over_those_between_processes};

over_those_between_processes!(
    a_process_that_is_killed_is_away_at_once,
    a_process_that_is_killed_is_over_once_it_is_late,
    a_process_that_is_stopped_is_away_in_time_and_back_with_nothing_lost,
);

/// What is told of callbacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum News {
    Away(bool),
    Released(ReleaseReason),
}

/// Everything that is told of them, with their numbers.
fn watch(callbacks: &[Callback<dyn Ear>]) -> Receiver<(usize, News)> {
    let (tell, told) = mpsc::channel(HEARD_MAX);
    for (number, callback) in callbacks.iter().enumerate() {
        let (away, over) = (tell.clone(), tell.clone());
        callback.on_away(move |is| _ = away.try_send((number, News::Away(is))));
        callback.on_released(move |why| _ = over.try_send((number, News::Released(why))));
    }
    told
}

/// The same is told of each of them, and nothing else.
async fn told_of_all(told: &mut Receiver<(usize, News)>, news: News) {
    let mut of = vec![0; CALLBACKS];
    for _ in 0..CALLBACKS {
        let (number, is) = within(told.recv()).await.unwrap();
        assert_eq!(is, news);
        of[number] += 1;
    }
    assert_eq!(of, [1; CALLBACKS], "of each once");
}

/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(300);

async fn a_process_that_is_killed_is_away_at_once(over: Transport) {
    let setting = over.start_with(broker(over)).await.unwrap();
    let service = connect(&setting.place, "service").await;
    let (_serving, mut guests) = open(&service, "door").await;
    let mut child = start(over, &setting.place, Role::Owner, LONG);
    let callbacks = handed_over(&service, &mut guests).await;
    let mut told = watch(&callbacks);
    // What was asked has come to the broker.
    settle(&service).await;
    let since = Instant::now();
    child.start_kill().unwrap();
    told_of_all(&mut told, News::Away(true)).await;
    println!("{}: {CALLBACKS} were away {:?} after kill -9", over.name(), since.elapsed());
    assert!(callbacks.iter().all(|one| one.presence().is_away() && one.is_released().is_none()));
    callbacks[0].said(1).ok().unwrap();
    child.wait().await.unwrap();
}

async fn a_process_that_is_killed_is_over_once_it_is_late(over: Transport) {
    let expiry = Duration::from_secs(1);
    let setting = over.start_with(broker(over)).await.unwrap();
    let service = connect(&setting.place, "service").await;
    let (_serving, mut guests) = open(&service, "door").await;
    let mut child = start(over, &setting.place, Role::Owner, expiry);
    let callbacks = handed_over(&service, &mut guests).await;
    let (tell, mut told) = mpsc::channel(HEARD_MAX);
    for callback in &callbacks {
        let tell = tell.clone();
        callback.on_released(move |why| _ = tell.try_send(why));
    }
    drop(tell);
    let since = Instant::now();
    child.start_kill().unwrap();
    for _ in 0..CALLBACKS {
        assert_eq!(within(told.recv()).await, Some(ReleaseReason::TimedOut));
    }
    assert!(since.elapsed() >= expiry - Duration::from_millis(100));
    assert_eq!(within(told.recv()).await, None, "that was the last of it");
    assert_eq!(callbacks[0].said(1).ok(), Err(CallError::Released));
    child.wait().await.unwrap();
}

async fn a_process_that_is_stopped_is_away_in_time_and_back_with_nothing_lost(over: Transport) {
    const CALLS: u64 = 20;
    let setting = over.start_with(watchful()).await.unwrap();
    let service = connect(&setting.place, "service").await;
    let (_serving, mut guests) = open(&service, "door").await;
    let mut child = start(over, &setting.place, Role::Owner, LONG);
    let callbacks = handed_over(&service, &mut guests).await;
    let mut told = watch(&callbacks);
    settle(&service).await;
    signal(&child, "-STOP").await;
    let since = Instant::now();
    call_all(&callbacks, CALLS).await;
    told_of_all(&mut told, News::Away(true)).await;
    println!("{}: {CALLBACKS} were away {:?} after a stop", over.name(), since.elapsed());
    call_all(&callbacks, CALLS).await;
    signal(&child, "-CONT").await;
    told_of_all(&mut told, News::Away(false)).await;
    for callback in &callbacks {
        assert!(!callback.presence().is_away());
        assert_eq!(within(callback.confirm(0)).await, Ok(2 * CALLS), "all came, and once");
    }
    assert!(told.try_recv().is_err(), "nothing else was told");
    child.kill().await.unwrap();
}

async fn call_all(callbacks: &[Callback<dyn Ear>], times: u64) {
    for number in 0..times {
        for callback in callbacks {
            within(callback.said(number).into_future()).await.unwrap();
        }
    }
}

/// Over QUIC nobody tells that a process is gone, but it can ask to be looked after more often than the
/// broker does by itself: that would take longer than anything is waited for.
#[tokio::test]
async fn over_quic_a_process_that_asked_for_pings_is_missed_as_soon() {
    let setting = Transport::Quic.start().await.unwrap();
    let service = connect(&setting.place, "service").await;
    let (_serving, mut guests) = open(&service, "door").await;
    let mut child = start(Transport::Quic, &setting.place, Role::Owner, LONG);
    let callbacks = handed_over(&service, &mut guests).await;
    let mut told = watch(&callbacks);
    settle(&service).await;
    child.start_kill().unwrap();
    told_of_all(&mut told, News::Away(true)).await;
    child.wait().await.unwrap();
}
