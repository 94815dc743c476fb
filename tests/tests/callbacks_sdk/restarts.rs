//! A broker that ends, and another one in its place that knows nothing: what stands anew by itself, and
//! what is over.

use std::time::Duration;

use broker_tests::{PATIENCE, Place, Transport};
use client_sdk::interface::{
    CallError, Callback, CallbackSet, Offered, ReleaseReason, ResolveError, Service,
};
use client_sdk::{Client, ConnectionState, Reconnect};

use crate::listener::{Call, Door, Ear, Guest, hand, next, offer, open, within};

broker_tests::over_every_transport!(
    what_was_handed_over_is_lost_with_the_broker_and_can_be_handed_over_anew,
    who_calls_while_there_is_no_broker_is_told_so,
);

/// How long an answer is waited for where there is none.
const BRIEF: Duration = Duration::from_secs(1);

async fn patient(place: &Place, name: &str) -> Client {
    patient_for(place, name, PATIENCE).await
}

async fn patient_for(place: &Place, name: &str, answers: Duration) -> Client {
    let builder = Client::builder(&place.url)
        .request_timeout(answers)
        .name(name)
        .with_connector(place.connector())
        .reconnect(Reconnect { max: Duration::from_millis(50), ..Reconnect::default() });
    within(builder.connect()).await.unwrap()
}

async fn all_is_lost(offered: &Offered<dyn Ear>, callback: &Callback<dyn Ear>) {
    assert_eq!(within(offered.released()).await, ReleaseReason::Lost);
    assert_eq!(within(callback.released()).await, ReleaseReason::Lost);
    assert_eq!(callback.said(1).ok(), Err(CallError::Released));
}

async fn emptied(set: &CallbackSet<dyn Ear>) {
    while !set.is_empty() {
        tokio::task::yield_now().await;
    }
}

/// Until the service stands anew.
async fn enter_again(door: &Service<dyn Door>, guest: Guest) {
    while let Err(error) = door.enter(guest.clone()).await {
        assert_eq!(error, CallError::NotServed);
        tokio::task::yield_now().await;
    }
}

async fn what_was_handed_over_is_lost_with_the_broker_and_can_be_handed_over_anew(over: Transport) {
    let setting = over.start().await.unwrap();
    let (service, owner) =
        (patient(&setting.place, "service").await, patient(&setting.place, "owner").await);
    let (_serving, mut guests) = open(&service, "door").await;
    let door = within(owner.resolve::<dyn Door>("door")).await.unwrap();
    let everybody = service.callback_set::<dyn Ear>("everybody");
    let (offered, _calls) = offer(&owner).await;
    let callback = hand(offered.callback(), &owner, &service).await;
    within(everybody.attach(&callback)).await.unwrap();
    let _setting = within(setting.restart(over)).await.unwrap();
    all_is_lost(&offered, &callback).await;
    within(emptied(&everybody)).await;
    // Whoever offers does so again; the service stands anew by itself, and its handle is good.
    let (offered, mut calls) = offer(&owner).await;
    let ear = Some(offered.callback());
    within(enter_again(&door, Guest { ear, ..Guest::default() })).await;
    let callback = within(guests.recv()).await.unwrap().ear.unwrap();
    within(everybody.attach(&callback)).await.unwrap();
    everybody.said(2);
    assert_eq!(next(&mut calls).await, Call::Said(2));
}

async fn who_calls_while_there_is_no_broker_is_told_so(over: Transport) {
    let setting = over.start().await.unwrap();
    let service = patient_for(&setting.place, "service", BRIEF).await;
    let owner = patient(&setting.place, "owner").await;
    let (_serving, _guests) = open(&service, "door").await;
    let (offered, _calls) = offer(&owner).await;
    let callback = hand(offered.callback(), &owner, &service).await;
    within(setting.running.shutdown()).await;
    within(async {
        while matches!(service.state(), ConnectionState::Connected(_)) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let resolved = within(service.resolve::<dyn Door>("door")).await.map(drop);
    assert_eq!(resolved, Err(ResolveError::Call(CallError::TimedOut(BRIEF))));
    assert_eq!(within(callback.confirm(1)).await, Err(CallError::TimedOut(BRIEF)));
    assert_eq!(callback.is_released(), None, "nobody knows yet");
}
