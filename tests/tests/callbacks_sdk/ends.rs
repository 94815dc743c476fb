//! The ends of callbacks: each end is told the other, once and behind the last call.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use broker_tests::{Setting, Transport};
use client_sdk::interface::{CallError, Callback, Offered, ReleaseReason};
use client_sdk::{Client, Reconnect};
use tokio::sync::mpsc::{self, Receiver};

use crate::listener::{Call, Ear, HEARD_MAX, connect, hand, next, offer, watchful, within};

broker_tests::over_every_transport!(
    a_guard_that_is_dropped_releases_the_callback,
    a_client_that_is_closed_closes_its_callbacks,
    a_client_that_is_lost_for_good_is_told,
    the_last_handle_that_is_dropped_is_told_behind_the_last_call,
    a_service_that_ends_lets_go,
    both_may_end_at_the_same_time,
    a_callback_may_be_handed_out_again,
    who_asks_of_an_own_callback_is_told_nothing_but_its_end,
    a_callback_that_is_over_is_not_away,
);

struct Ends {
    owner: Client,
    service: Client,
    offered: Offered<dyn Ear>,
    calls: Receiver<Call>,
    callback: Callback<dyn Ear>,
    /// Each time that the service is told of the end.
    told: Receiver<ReleaseReason>,
}

async fn ends(setting: &Setting) -> Ends {
    let service = connect(&setting.place, "service").await;
    let builder = Client::builder(&setting.place.url).name("owner").reconnect(Reconnect::OFF);
    let builder = builder.with_connector(setting.place.connector());
    let owner = within(builder.connect()).await.unwrap();
    let (offered, calls) = offer(&owner).await;
    let callback = hand(offered.callback(), &owner, &service).await;
    let (tell, told) = mpsc::channel(HEARD_MAX);
    callback.on_released(move |reason| _ = tell.try_send(reason));
    Ends { owner, service, offered, calls, callback, told }
}

/// It is told once, and calls come to nothing from then on.
async fn assert_over(ends: &mut Ends, reason: ReleaseReason) {
    assert_eq!(within(ends.told.recv()).await, Some(reason));
    assert_eq!(within(ends.told.recv()).await, None, "the hook is called once");
    assert_eq!(ends.callback.is_released(), Some(reason));
    assert_eq!(within(ends.callback.released()).await, reason);
    assert_eq!(ends.callback.said(1).ok(), Err(CallError::Released));
    assert_eq!(within(ends.callback.confirm(1)).await, Err(CallError::Released));
}

async fn a_guard_that_is_dropped_releases_the_callback(over: Transport) {
    let setting = over.start().await.unwrap();
    let mut ends = ends(&setting).await;
    ends.callback.said(1);
    assert_eq!(next(&mut ends.calls).await, Call::Said(1));
    let Ends { owner, service, offered, calls, callback, told } = ends;
    drop(offered);
    let (again, more) = offer(&owner).await;
    let mut ends = Ends { owner, service, offered: again, calls: more, callback, told };
    assert_over(&mut ends, ReleaseReason::Released).await;
    let mut calls = calls;
    assert_eq!(within(calls.recv()).await, None, "the object is dropped");
}

async fn a_client_that_is_closed_closes_its_callbacks(over: Transport) {
    let setting = over.start().await.unwrap();
    let mut ends = ends(&setting).await;
    within(ends.owner.close()).await;
    assert_over(&mut ends, ReleaseReason::Closed).await;
    assert_eq!(within(ends.offered.released()).await, ReleaseReason::Lost);
}

async fn a_client_that_is_lost_for_good_is_told(over: Transport) {
    let setting = over.start_with(watchful()).await.unwrap();
    let service = connect(&setting.place, "service").await;
    // In a runtime of its own, with which it ends without a word.
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (url, connector) = (setting.place.url.clone(), setting.place.connector());
    let (there, here) = (service.clone(), runtime.handle().clone());
    let lost = here.spawn(async move {
        let builder = Client::builder(url).name("lost").session_expiry(Duration::ZERO);
        let owner = within(builder.with_connector(connector).connect()).await.unwrap();
        let (offered, calls) = offer(&owner).await;
        let callback = hand(offered.callback(), &owner, &there).await;
        (owner, offered, calls, callback)
    });
    let (_owner, _offered, _calls, callback) = within(lost).await.unwrap();
    runtime.shutdown_background();
    let reason = within(callback.released()).await;
    assert!(matches!(reason, ReleaseReason::TimedOut | ReleaseReason::Closed), "{reason:?}");
}

async fn the_last_handle_that_is_dropped_is_told_behind_the_last_call(over: Transport) {
    const CALLS: u64 = 500;
    let setting = over.start().await.unwrap();
    let Ends { owner, service, offered, mut calls, callback, told } = ends(&setting).await;
    let clone = callback.clone();
    drop(callback);
    for number in 0..CALLS {
        within(clone.said(number).into_future()).await.unwrap();
        within(clone.typing(number, number).into_future()).await.unwrap();
    }
    drop(clone);
    assert_eq!(within(offered.released()).await, ReleaseReason::Released);
    let mut came = 0;
    while calls.try_recv().is_ok() {
        came += 1;
    }
    assert_eq!(came, 2 * CALLS, "all came before");
    drop((owner, service, told));
}

async fn a_service_that_ends_lets_go(over: Transport) {
    let setting = over.start().await.unwrap();
    let Ends { owner, service, offered, callback, .. } = ends(&setting).await;
    within(service.close()).await;
    assert_eq!(within(offered.released()).await, ReleaseReason::Closed);
    assert_eq!(within(callback.released()).await, ReleaseReason::Lost);
    drop(owner);
}

async fn both_may_end_at_the_same_time(over: Transport) {
    let setting = over.start().await.unwrap();
    let observer = connect(&setting.place, "observer").await;
    let told = Arc::new(AtomicU64::new(0));
    for _ in 0..20 {
        let Ends { owner, service, offered, callback, .. } = ends(&setting).await;
        let count = Arc::clone(&told);
        callback.on_released(move |_| _ = count.fetch_add(1, Ordering::Relaxed));
        tokio::join!(async { drop((offered, owner)) }, async { drop((callback, service)) });
    }
    within(async {
        while crate::paces::statistic(&observer, "callbacks").await > 0
            || crate::paces::statistic(&observer, "holds").await > 0
        {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
    assert!(told.load(Ordering::Relaxed) <= 20);
}

async fn a_callback_may_be_handed_out_again(over: Transport) {
    let setting = over.start().await.unwrap();
    let Ends { owner, service, offered, mut calls, callback, .. } = ends(&setting).await;
    drop(callback);
    assert_eq!(within(offered.released()).await, ReleaseReason::Released);
    let again = hand(offered.callback(), &owner, &service).await;
    again.said(1);
    assert_eq!(next(&mut calls).await, Call::Said(1));
    drop(offered);
    assert_eq!(within(again.released()).await, ReleaseReason::Released);
}

async fn who_asks_of_an_own_callback_is_told_nothing_but_its_end(over: Transport) {
    let setting = over.start().await.unwrap();
    let owner = connect(&setting.place, "owner").await;
    let (offered, _calls) = offer(&owner).await;
    let callback = offered.callback();
    let mut presence = callback.presence();
    assert!(!presence.is_away());
    drop(offered);
    assert_eq!(within(presence.changed()).await, None);
}

async fn a_callback_that_is_over_is_not_away(over: Transport) {
    let setting = over.start().await.unwrap();
    let service = connect(&setting.place, "service").await;
    let owner = connect(&setting.place, "owner").await;
    let (offered, _calls) = offer(&owner).await;
    let callback = hand(offered.callback(), &owner, &service).await;
    let mut presence = callback.presence();
    drop(offered);
    assert_eq!(within(presence.changed()).await, None);
    assert!(!presence.is_away());
    assert_eq!(within(callback.presence().changed()).await, None, "also who asks only then");
}
