//! Methods with an answer that are called without one: published to a topic to which they are attached.

use broker_tests::Transport;
use client_sdk::Body;
use client_sdk::interface::{Callback, CallbackSet, Caller};
use tokio::sync::mpsc::{self, Sender};

use crate::listener::{HEARD_MAX, connect, within};

broker_tests::over_every_transport!(
    an_answer_that_nobody_wants_knows_who_called,
    a_panic_in_an_answer_that_nobody_wants_is_counted,
);

#[client_sdk::callback]
trait Diary {
    async fn note(&self, what: What) -> u64;
}

#[client_sdk::data]
#[derive(Debug, Clone, Copy)]
enum What {
    WhoCalls,
    PanicLater,
}

/// Takes diaries in.
#[client_sdk::service]
trait Desk {
    async fn leave(&self, diary: Callback<dyn Diary>);
}

struct Drawer(Sender<Callback<dyn Diary>>);

#[client_sdk::service]
impl Desk for Drawer {
    async fn leave(&self, diary: Callback<dyn Diary>) {
        let _ = self.0.try_send(diary);
    }
}

/// Tells who calls: when the call begins, and behind an await.
struct Book(Sender<Option<Caller>>);

#[client_sdk::callback]
impl Diary for Book {
    async fn note(&self, what: What) -> u64 {
        let _ = self.0.try_send(Caller::current());
        tokio::task::yield_now().await;
        let _ = self.0.try_send(Caller::current());
        match what {
            What::WhoCalls => 1,
            What::PanicLater => panic!("this is part of the test"),
        }
    }
}

/// Calls a diary twice, without an answer, as told; once it is known who called, the third call is one
/// with an answer. How many panics were counted at the owner.
async fn noted_twice(over: Transport, what: &str) -> u64 {
    let setting = over.start().await.unwrap();
    let owner = connect(&setting.place, "owner").await;
    let service = connect(&setting.place, "service").await;
    let (tell, mut callers) = mpsc::channel(HEARD_MAX);
    let offered = within(owner.offer(Book(tell))).await.unwrap();
    let (drawer, mut diaries) = mpsc::channel(HEARD_MAX);
    let _serving = within(service.serve("desk", Drawer(drawer))).await.unwrap();
    let desk = within(owner.resolve::<dyn Desk>("desk")).await.unwrap();
    within(desk.leave(offered.callback())).await.unwrap();
    let diary = within(diaries.recv()).await.unwrap();
    let set: CallbackSet<dyn Diary> = service.callback_set("diaries");
    within(set.attach(&diary)).await.unwrap();
    for _ in 0..2 {
        let body = Body::json(format!(r#"{{"what":"{what}"}}"#));
        within(service.publish("diaries.note", body)).await.unwrap();
        for _ in 0..2 {
            let caller = within(callers.recv()).await.unwrap();
            let name = caller.and_then(|caller| caller.name);
            assert_eq!(name.as_deref(), Some("service"));
        }
    }
    assert_eq!(within(diary.note(What::WhoCalls)).await, Ok(1), "it goes on");
    owner.statistics().calls_panicked
}

async fn an_answer_that_nobody_wants_knows_who_called(over: Transport) {
    assert_eq!(noted_twice(over, "WhoCalls").await, 0);
}

async fn a_panic_in_an_answer_that_nobody_wants_is_counted(over: Transport) {
    assert_eq!(noted_twice(over, "PanicLater").await, 2);
}
