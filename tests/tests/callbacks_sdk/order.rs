//! Calls come in the order in which they were made.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Waker};

use broker_tests::Transport;
use client_sdk::interface::CallError;

use crate::listener::{Call, connect, hand, next, offer, within};

broker_tests::over_every_transport!(calls_with_and_without_an_answer_come_in_one_order);

const CALLS: u64 = 5000;

/// Answers that are waited for at one time: fewer than a client answers at one time, so that none of
/// them has to wait.
const ASKED_MAX: usize = 32;

type Asked = Pin<Box<dyn Future<Output = Result<u64, CallError>> + Send>>;

async fn calls_with_and_without_an_answer_come_in_one_order(over: Transport) {
    let setting = over.start().await.unwrap();
    let owner = connect(&setting.place, "owner").await;
    let service = connect(&setting.place, "service").await;
    let (offered, mut calls) = offer(&owner).await;
    let callback = hand(offered.callback(), &owner, &service).await;
    let mut asked: VecDeque<(u64, Asked)> = VecDeque::new();
    for number in 0..CALLS {
        if number % 10 != 3 {
            within(callback.said(number).into_future()).await.unwrap();
            continue;
        }
        let callback = callback.clone();
        let mut answer: Asked = Box::pin(async move { callback.confirm(number).await });
        // It is made when it is first polled.
        let first = answer.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(first.is_pending());
        asked.push_back((number, answer));
        if asked.len() == ASKED_MAX {
            let (number, answer) = asked.pop_front().unwrap();
            assert_eq!(within(answer).await, Ok(number + 1));
        }
    }
    for (number, answer) in asked {
        assert_eq!(within(answer).await, Ok(number + 1));
    }
    for number in 0..CALLS {
        let expected = if number % 10 == 3 { Call::Asked(number) } else { Call::Said(number) };
        assert_eq!(next(&mut calls).await, expected);
    }
}
