//! Both ends have one definition, or are told where they differ.

use broker_tests::Transport;
use client_sdk::{CallError, ResolveError};

use crate::sums::{Scene, Sums};
use crate::within;

broker_tests::over_every_transport!(
    another_version_is_told_apart_when_it_is_resolved,
    another_version_that_took_over_is_told_apart_at_the_call,
    another_interface_is_told_apart,
);

/// The next version: a method differs, others are gone, and one is new.
mod next {
    #[client_sdk::service]
    pub(super) trait Sums {
        async fn add(&self, one: i32, other: i32) -> i32;
        async fn repeat(&self, text: String, times: usize) -> String;
        async fn subtract(&self, one: i32, other: i32) -> i32;
    }

    pub(super) struct Machine;

    #[client_sdk::service]
    impl Sums for Machine {
        async fn add(&self, one: i32, other: i32) -> i32 {
            one + other
        }
        async fn repeat(&self, text: String, times: usize) -> String {
            text.repeat(times)
        }
        async fn subtract(&self, one: i32, other: i32) -> i32 {
            one - other
        }
    }
}

#[client_sdk::service]
trait Echoes {
    async fn repeat(&self, text: String, times: usize) -> String;
}

/// What is called of the next version, and was there before.
mod part {
    #[client_sdk::service]
    pub(super) trait Sums {
        async fn repeat(&self, text: String, times: usize) -> String;
    }
}

async fn another_version_is_told_apart_when_it_is_resolved(over: Transport) {
    let scene = Scene::new(over).await;
    let error = within(scene.client.resolve::<dyn next::Sums>("sums")).await.unwrap_err();
    let ResolveError::VersionMismatch { name, differences } = error else { panic!("{error:?}") };
    assert_eq!(name, "sums");
    let expected = [
        "add(one: i32, other: i32) -> i32 is add(one: i64, other: i64) -> Result<i64,Overflow> there",
        "subtract(one: i32, other: i32) -> i32 is missing there",
    ];
    assert_eq!(differences, expected);
    let part = within(scene.client.resolve::<dyn part::Sums>("sums")).await.unwrap();
    assert_eq!(within(part.repeat("a".to_owned(), 2)).await.unwrap(), "aa", "there may be more");
}

async fn another_version_that_took_over_is_told_apart_at_the_call(over: Transport) {
    let scene = Scene::new(over).await;
    drop(scene.serving);
    let _serving = within(scene.provider.serve("sums", next::Machine)).await.unwrap();
    let error = within(scene.sums.add(1, 2)).await.unwrap_err();
    assert!(matches!(error, CallError::VersionMismatch { .. }), "{error:?}");
    let error = within(scene.sums.who()).await.unwrap_err();
    assert!(matches!(error, CallError::UnknownMethod { .. }), "{error:?}");
    assert_eq!(within(scene.sums.repeat("a".to_owned(), 2)).await.unwrap(), "aa");
}

async fn another_interface_is_told_apart(over: Transport) {
    let scene = Scene::new(over).await;
    let error = within(scene.client.resolve::<dyn Echoes>("sums")).await.unwrap_err();
    let [name, expected, found] = ["sums", "Echoes", "Sums"].map(str::to_owned);
    assert_eq!(error, ResolveError::OtherInterface { name, expected, found });
    let _ = within(scene.client.resolve::<dyn Sums>("sums")).await.unwrap();
}
