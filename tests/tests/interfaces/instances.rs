//! Objects for all, or one for each client.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use broker_tests::Transport;
use client_sdk::interface::Caller;
use client_sdk::{Client, Service};

use crate::{connect, within};

broker_tests::over_every_transport!(
    each_client_has_an_object_of_its_own_and_finds_it_again,
    each_session_has_an_object_of_its_own_which_goes_with_it,
    beyond_as_many_as_there_may_be_the_one_called_longest_ago_goes,
);

#[client_sdk::service]
trait Basket {
    async fn put(&mut self) -> u64;
    async fn owner(&self) -> String;
}

struct Counted {
    owner: String,
    things: u64,
    dropped: Arc<AtomicU64>,
}

#[client_sdk::service]
impl Basket for Counted {
    async fn put(&mut self) -> u64 {
        self.things += 1;
        self.things
    }

    async fn owner(&self) -> String {
        self.owner.clone()
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

fn maker(dropped: &Arc<AtomicU64>) -> impl Fn(&Caller) -> Counted + Send + Sync + use<> {
    let dropped = Arc::clone(dropped);
    move |caller| {
        let owner = caller.name.as_deref().unwrap_or_default().to_owned();
        Counted { owner, things: 0, dropped: Arc::clone(&dropped) }
    }
}

async fn basket(client: &Client) -> Service<dyn Basket> {
    within(client.resolve("basket")).await.unwrap()
}

/// Puts a thing into a basket, in which there are then so many.
async fn put(basket: &Service<dyn Basket>, things: u64) {
    assert_eq!(within(basket.put()).await, Ok(things));
}

async fn each_client_has_an_object_of_its_own_and_finds_it_again(over: Transport) {
    let setting = over.start().await.unwrap();
    let provider = connect(&setting.place, "provider").await;
    let dropped = Arc::default();
    let serving = provider.serving("basket").per_client::<dyn Basket, _>(maker(&dropped));
    let serving = within(serving).await.unwrap();
    let anna = connect(&setting.place, "anna").await;
    let bert = connect(&setting.place, "bert").await;
    let (of_anna, of_bert) = (basket(&anna).await, basket(&bert).await);
    put(&of_anna, 1).await;
    put(&of_anna, 2).await;
    put(&of_bert, 1).await;
    assert_eq!(within(of_anna.owner()).await.unwrap(), "anna");
    within(anna.close()).await;
    let anna = connect(&setting.place, "anna").await;
    // In another session.
    put(&basket(&anna).await, 3).await;
    assert_eq!(dropped.load(Ordering::Relaxed), 0);
    drop(serving);
    within(provider.close()).await;
    drop(provider);
    within(until(&dropped, 2)).await;
}

/// Waits until so many objects are dropped.
async fn until(dropped: &AtomicU64, objects: u64) {
    while dropped.load(Ordering::Relaxed) < objects {
        tokio::task::yield_now().await;
    }
}

async fn each_session_has_an_object_of_its_own_which_goes_with_it(over: Transport) {
    let setting = over.start().await.unwrap();
    let provider = connect(&setting.place, "provider").await;
    let dropped = Arc::default();
    let serving = provider.serving("basket").per_session::<dyn Basket, _>(maker(&dropped));
    let _serving = within(serving).await.unwrap();
    let anna = connect(&setting.place, "anna").await;
    let bert = connect(&setting.place, "bert").await;
    let (of_anna, of_bert) = (basket(&anna).await, basket(&bert).await);
    put(&of_anna, 1).await;
    put(&of_bert, 1).await;
    put(&of_anna, 2).await;
    within(anna.close()).await;
    within(until(&dropped, 1)).await;
    let anna = connect(&setting.place, "anna").await;
    put(&basket(&anna).await, 1).await;
    put(&of_bert, 2).await;
    assert_eq!(dropped.load(Ordering::Relaxed), 1);
}

async fn beyond_as_many_as_there_may_be_the_one_called_longest_ago_goes(over: Transport) {
    let setting = over.start().await.unwrap();
    let provider = connect(&setting.place, "provider").await;
    let dropped = Arc::default();
    let serving = provider.serving("basket").instances_max(2);
    let serving = serving.per_client::<dyn Basket, _>(maker(&dropped));
    let _serving = within(serving).await.unwrap();
    let mut baskets = Vec::new();
    for name in ["anna", "bert", "carl"] {
        let client = connect(&setting.place, name).await;
        baskets.push((basket(&client).await, client));
    }
    let put = async |number: usize| within(baskets[number].0.put()).await.unwrap();
    assert_eq!((put(0).await, put(1).await, put(0).await), (1, 1, 2));
    assert_eq!((put(2).await, put(0).await), (1, 3), "the second was called longest ago");
    assert_eq!((put(1).await, dropped.load(Ordering::Relaxed)), (1, 2), "it begins anew");
}
