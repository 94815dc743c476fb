//! Calls with an answer.

use std::time::Duration;

use broker_tests::{PATIENCE, Setting, Transport};
use client_sdk::Client;
use client_sdk::interface::{CallError, Callback, Offered};
use tokio::sync::mpsc::{self, Receiver, Sender};

use crate::listener::{HEARD_MAX, connect, within};

broker_tests::over_every_transport!(
    an_answer_that_takes_too_long_is_given_up_at_both_ends,
    a_future_that_is_dropped_ends_the_call_at_the_object,
    a_panic_harms_one_call_alone,
    a_slow_answer_holds_no_other_up,
    so_many_slow_answers_and_no_more_hold_nothing_else_up,
    who_lets_go_of_the_object_leaves_no_caller_waiting,
);

#[client_sdk::callback]
pub(crate) trait Oracle {
    fn fail(&self);
    fn say(&self, number: u64);
    async fn ask(&self, question: Question) -> u64;
}

#[client_sdk::data]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Question {
    Quick(u64),
    Never,
    PanicAtOnce,
    PanicLater,
}

#[client_sdk::service]
pub(crate) trait Temple {
    async fn dwell(&self, oracle: Callback<dyn Oracle>);
}

struct Stone(Sender<Callback<dyn Oracle>>);

#[client_sdk::service]
impl Temple for Stone {
    async fn dwell(&self, oracle: Callback<dyn Oracle>) {
        let _ = self.0.try_send(oracle);
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Word {
    Said(u64),
    Begun,
    Dropped,
}

struct Pythia(Sender<Word>);

/// Says so when a method's future is dropped.
struct Guard(Sender<Word>);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.try_send(Word::Dropped);
    }
}

#[client_sdk::callback]
impl Oracle for Pythia {
    fn fail(&self) {
        panic!("this is part of the test");
    }

    fn say(&self, number: u64) {
        let _ = self.0.try_send(Word::Said(number));
    }

    async fn ask(&self, question: Question) -> u64 {
        match question {
            Question::Quick(number) => return number + 1,
            Question::PanicAtOnce => panic!("this is part of the test"),
            Question::PanicLater => {
                tokio::task::yield_now().await;
                panic!("this is part of the test");
            }
            Question::Never => {}
        }
        let _guard = Guard(self.0.clone());
        let _ = self.0.try_send(Word::Begun);
        std::future::pending::<()>().await;
        0
    }
}

struct Asking {
    callback: Callback<dyn Oracle>,
    words: Receiver<Word>,
    offered: Offered<dyn Oracle>,
    owner: Client,
    _service: Client,
}

async fn asking(setting: &Setting) -> Asking {
    let owner = connect(&setting.place, "owner").await;
    let (pythia, words) = mpsc::channel(HEARD_MAX);
    let offered = within(owner.offer(Pythia(pythia))).await.unwrap();
    let (service, callback) = handed_over(setting, &owner, &offered, "service").await;
    Asking { callback, words, offered, owner, _service: service }
}

/// Hands the object to a service.
async fn handed_over(
    setting: &Setting,
    owner: &Client,
    offered: &Offered<dyn Oracle>,
    name: &str,
) -> (Client, Callback<dyn Oracle>) {
    let service = connect(&setting.place, name).await;
    let (stone, mut oracles) = mpsc::channel(HEARD_MAX);
    let _serving = within(service.serve(name, Stone(stone))).await.unwrap();
    let temple = within(owner.resolve::<dyn Temple>(name)).await.unwrap();
    within(temple.dwell(offered.callback())).await.unwrap();
    (service, within(oracles.recv()).await.unwrap())
}

impl Asking {
    async fn word(&mut self) -> Word {
        within(self.words.recv()).await.unwrap()
    }

    async fn answers(&self) {
        assert_eq!(within(self.callback.ask(Question::Quick(1))).await, Ok(2));
    }
}

async fn an_answer_that_takes_too_long_is_given_up_at_both_ends(over: Transport) {
    let setting = over.start().await.unwrap();
    let mut asking = asking(&setting).await;
    let mut short = Duration::from_millis(50);
    loop {
        let late = within(asking.callback.timeout(short).ask(Question::Never)).await;
        assert_eq!(late, Err(CallError::TimedOut(short)));
        // A call behind it: what hasn't begun by now was over before it came to the object.
        asking.answers().await;
        match asking.words.try_recv() {
            Ok(word) => break assert_eq!(word, Word::Begun),
            Err(_) => short *= 2,
        }
    }
    assert_eq!(asking.word().await, Word::Dropped);
}

async fn a_future_that_is_dropped_ends_the_call_at_the_object(over: Transport) {
    let setting = over.start().await.unwrap();
    let mut asking = asking(&setting).await;
    let callback = asking.callback.clone();
    let call = tokio::spawn(async move { callback.ask(Question::Never).await });
    assert_eq!(asking.word().await, Word::Begun);
    call.abort();
    assert_eq!(asking.word().await, Word::Dropped);
    asking.answers().await;
}

async fn a_panic_harms_one_call_alone(over: Transport) {
    let setting = over.start().await.unwrap();
    let mut asking = asking(&setting).await;
    for question in [Question::PanicAtOnce, Question::PanicLater] {
        let failed = within(asking.callback.ask(question)).await;
        assert!(matches!(failed, Err(CallError::Failed { .. })), "{failed:?}");
    }
    asking.callback.fail();
    asking.callback.say(1);
    assert_eq!(asking.word().await, Word::Said(1));
    asking.answers().await;
    assert_eq!(asking.owner.statistics().calls_panicked, 3);
}

async fn a_slow_answer_holds_no_other_up(over: Transport) {
    const SLOW: usize = 50;
    let setting = over.start().await.unwrap();
    let mut asking = asking(&setting).await;
    let mut slow = tokio::task::JoinSet::new();
    for _ in 0..SLOW {
        let callback = asking.callback.clone();
        slow.spawn(async move { callback.ask(Question::Never).await });
        assert_eq!(asking.word().await, Word::Begun);
    }
    for number in 0..100 {
        asking.answers().await;
        asking.callback.say(number);
        assert_eq!(asking.word().await, Word::Said(number));
    }
    assert!(slow.try_join_next().is_none(), "they go on");
}

async fn so_many_slow_answers_and_no_more_hold_nothing_else_up(over: Transport) {
    /// How many may be under way, which are more than one client asks for.
    const ANSWERS_MAX: usize = 1024;
    const CLIENTS: usize = 4;
    let setting = over.start().await.unwrap();
    let mut asking = asking(&setting).await;
    let (mut slow, mut clients) = (tokio::task::JoinSet::new(), Vec::new());
    for client in 0..CLIENTS {
        let name = format!("service{client}");
        let other = handed_over(&setting, &asking.owner, &asking.offered, &name).await;
        for _ in 0..ANSWERS_MAX / CLIENTS {
            let callback = other.1.timeout(PATIENCE);
            slow.spawn(async move { callback.ask(Question::Never).await });
        }
        clients.push(other);
    }
    for _ in 0..ANSWERS_MAX {
        assert_eq!(asking.word().await, Word::Begun);
    }
    let refused = within(asking.callback.ask(Question::Quick(1))).await;
    assert!(matches!(refused, Err(CallError::Busy { .. })), "{refused:?}");
    asking.callback.say(1);
    assert_eq!(asking.word().await, Word::Said(1));
    assert_eq!(asking.owner.statistics().requests_busy, 1);
    slow.abort_all();
    for _ in 0..ANSWERS_MAX {
        assert_eq!(asking.word().await, Word::Dropped);
    }
    asking.answers().await;
}

async fn who_lets_go_of_the_object_leaves_no_caller_waiting(over: Transport) {
    let setting = over.start().await.unwrap();
    let mut asking = asking(&setting).await;
    let callback = asking.callback.clone();
    let call = tokio::spawn(async move { callback.ask(Question::Never).await });
    assert_eq!(asking.word().await, Word::Begun);
    drop(asking.offered);
    let gone = within(call).await.unwrap();
    assert!(matches!(gone, Err(CallError::Gone | CallError::Released)), "{gone:?}");
    within(asking.callback.released()).await;
    let over = within(asking.callback.ask(Question::Quick(1))).await;
    assert_eq!(over, Err(CallError::Released));
}
