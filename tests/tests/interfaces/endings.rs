//! What becomes of calls when somebody goes away.

use std::time::Duration;

use broker::{Broker, SUBPROTOCOLS};
use broker_tests::Transport;
use client_sdk::{CallError, Client};

use crate::sums::{Abacus, Hung, Scene, Sums};
use crate::{connect, within};

broker_tests::over_every_transport!(
    a_client_that_is_closed_calls_nobody,
    a_service_that_ends_its_connection_in_mid_call_is_gone,
    the_handle_is_good_for_whoever_serves_next,
);
/// Where the end of a process is the end of its links. With QUIC silence tells.
mod killed {
    use super::a_service_whose_process_ends_in_mid_call_is_gone;

    broker_tests::over_transport!(memory Memory: a_service_whose_process_ends_in_mid_call_is_gone);
    broker_tests::over_transport!(ws WebSocket: a_service_whose_process_ends_in_mid_call_is_gone);
    broker_tests::over_transport!(unix Unix: a_service_whose_process_ends_in_mid_call_is_gone);
}
broker_tests::over_transport!(restarted Memory: a_broker_that_is_restarted_knows_the_service_again);

async fn a_client_that_is_closed_calls_nobody(over: Transport) {
    let scene = Scene::new(over).await;
    within(scene.client.close()).await;
    let error = within(scene.sums.add(1, 2)).await.unwrap_err();
    assert!(matches!(error, CallError::Closed(_)), "{error:?}");
}

async fn a_service_that_ends_its_connection_in_mid_call_is_gone(over: Transport) {
    let mut scene = Scene::new(over).await;
    let sums = scene.sums.clone();
    let call = tokio::spawn(async move { sums.hang().await });
    assert_eq!(scene.hung().await, Hung::Entered);
    within(scene.provider.close()).await;
    let error = within(call).await.unwrap().unwrap_err();
    assert_eq!(error, CallError::Gone);
}

/// A runtime that is shut down leaves its sockets as a process does that is killed.
async fn a_service_whose_process_ends_in_mid_call_is_gone(over: Transport) {
    let scene = Scene::new(over).await;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (abacus, mut hung) = Abacus::new();
    let place = scene.setting.place.by_way_of(scene.setting.place.url.clone());
    let serving = runtime.spawn(async move {
        // Nobody waits for it to come back.
        let builder = Client::builder(&place.url).name("elsewhere").session_expiry(Duration::ZERO);
        let client = builder.with_connector(place.connector()).connect().await.unwrap();
        let serving = client.serve::<dyn Sums, _>("elsewhere", abacus).await.unwrap();
        (client, serving)
    });
    let kept = within(serving).await.unwrap();
    let sums = within(scene.client.resolve::<dyn Sums>("elsewhere")).await.unwrap();
    let call = tokio::spawn(async move { sums.hang().await });
    assert_eq!(within(hung.recv()).await, Some(Hung::Entered));
    runtime.shutdown_background();
    let error = within(call).await.unwrap().unwrap_err();
    assert_eq!(error, CallError::Gone);
    drop(kept);
}

async fn the_handle_is_good_for_whoever_serves_next(over: Transport) {
    let scene = Scene::new(over).await;
    within(scene.provider.close()).await;
    assert_eq!(within(scene.sums.add(1, 2)).await, Err(CallError::NotServed));
    let (abacus, _hung) = Abacus::new();
    let next = connect(&scene.setting.place, "next").await;
    let _serving = within(next.serve::<dyn Sums, _>("sums", abacus)).await.unwrap();
    assert_eq!(within(scene.sums.add(1, 2)).await, Ok(3));
}

async fn a_broker_that_is_restarted_knows_the_service_again(over: Transport) {
    let mut scene = Scene::new(over).await;
    // Longer than a test may take: an end is not the time-out's.
    let sums = scene.sums.timeout(Duration::from_secs(300));
    let call = tokio::spawn(async move { sums.hang().await });
    assert_eq!(scene.hung().await, Hung::Entered);
    let network = scene.setting.place.network.clone().unwrap();
    within(scene.setting.running.shutdown()).await;
    let listener = network.listen("broker", &SUBPROTOCOLS).unwrap();
    let _running = Broker::builder().listen(move || Ok(Box::new(listener))).start().await.unwrap();
    let error = within(call).await.unwrap().unwrap_err();
    assert_eq!(error, CallError::Disconnected, "nobody knows whether it was carried out");
    assert_eq!(within(scene.hung.recv()).await, Some(Hung::Dropped));
    within(async {
        // The service comes back by itself, before or after its caller.
        while scene.sums.add(1, 2).await != Ok(3) {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
