//! Who sends nonsense harms nobody.

use std::borrow::Cow;

use broker_protocol::Codec::Bincode;
use broker_protocol::ErrorCode;
use broker_protocol::frame::{self, BrokerFrame, ClientFrame, Content, Outcome, Request, Send};
use broker_tests::{Client as Raw, Transport};
use client_sdk::interface::{Callback, ReleaseReason};
use client_sdk::{Body, RequestError};

use crate::listener::{Call, Ear, connect, hand, next, offer, open, within};

broker_tests::over_every_transport!(
    what_an_object_cannot_read_is_counted,
    forged_tokens_call_nobody,
    forged_handles_are_over,
);

/// The token behind a handle.
fn token(callback: &Callback<dyn Ear>) -> String {
    let written: String = serde_json::from_value(serde_json::to_value(callback).unwrap()).unwrap();
    written.split(';').next().unwrap().to_owned()
}

fn send(to: &str, method: &str, payload: &[u8], content: Content) -> ClientFrame<'static> {
    let payload = Cow::Owned(payload.to_vec());
    let body = frame::Body { content, payload, ..frame::Body::default() };
    let (to, method) = (Cow::Owned(to.to_owned()), Some(Cow::Owned(method.to_owned())));
    ClientFrame::Send(Send { id: None, to, method, body, expires_in: None })
}

async fn what_an_object_cannot_read_is_counted(over: Transport) {
    let setting = over.start().await.unwrap();
    let owner = connect(&setting.place, "owner").await;
    let (offered, mut calls) = offer(&owner).await;
    let token = token(&offered.callback());
    let mut hostile = Raw::connect(&setting.place, Bincode, "hostile").await;
    let number = fingerprint("Ear.said(number: u64)").to_le_bytes();
    let cut_off = [&number[..], &[253, 1]].concat();
    let too_long = [&number[..], &[1, 2, 3]].concat();
    let huge = [&number[..], &[253, 255, 255, 255, 255, 255, 255, 255, 255, 7]].concat();
    let unreadable: [(&[u8], Content); 8] = [
        (b"", Content::Bytes),
        (b"abc", Content::Bytes),
        (b"\0\0\0\0\x07", Content::Bytes),
        (&cut_off, Content::Bytes),
        (&too_long, Content::Bytes),
        (&huge, Content::Bytes),
        (br#"{"number":"x"}"#, Content::Json),
        (br#"[[[[[[[[[[[["#, Content::Text),
    ];
    for (payload, content) in unreadable {
        hostile.send(&send(&token, "said", payload, content)).await;
    }
    let good = [&number[..], &[7]].concat();
    hostile.send(&send(&token, "said", &good, Content::Bytes)).await;
    assert_eq!(next(&mut calls).await, Call::Said(7));
    assert_eq!(owner.statistics().calls_unreadable, unreadable.len() as u64);

    for payload in [&b""[..], b"\0\0\0\0\x07", &good, &[255; 100]] {
        let (id, topic) = (hostile.next_id(), format!("$to.{token}.confirm").into());
        let body = frame::Body { payload: payload.into(), ..frame::Body::default() };
        hostile.send(&ClientFrame::Request(Request { id, topic, body, timeout: None })).await;
        let failed = hostile.wait_for("a reply", |heard| match &heard.frame {
            BrokerFrame::Reply(reply) if reply.id == id => Some(reply.outcome.clone()),
            _ => None,
        });
        let failed = failed.await;
        assert!(matches!(failed, Outcome::Failure(_)), "{failed:?}");
    }
    assert_eq!(within(offered.callback().confirm(1)).await, Ok(2));
}

/// FNV-1a, as methods are numbered.
fn fingerprint(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

async fn forged_tokens_call_nobody(over: Transport) {
    let setting = over.start().await.unwrap();
    let owner = connect(&setting.place, "owner").await;
    let (offered, mut calls) = offer(&owner).await;
    let token = token(&offered.callback());
    let mut hostile = Raw::connect(&setting.place, Bincode, "hostile").await;
    let mut forged = vec![String::new(), "x".repeat(10_000), token.to_uppercase(), "0-0-0".into()];
    forged.push(format!("{}{}", &token[1..], &token[..1]));
    forged.extend((0..1000).map(|number| format!("{number:032x}")));
    for to in &forged {
        hostile.send(&send(to, "said", b"", Content::Bytes)).await;
        let (id, to) = (hostile.next_id(), Cow::Owned(to.clone()));
        let body = frame::Body::default();
        let asked = Send { id: Some(id), to, method: Some("said".into()), body, expires_in: None };
        let refused = hostile.ask(id, &ClientFrame::Send(asked)).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::UnknownCallback);
    }
    let (id, topic) = (hostile.next_id(), format!("$to.{}.confirm", forged[5]).into());
    let request = Request { id, topic, body: frame::Body::default(), timeout: None };
    hostile.send(&ClientFrame::Request(request)).await;
    let refused = hostile.answer_to(id).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::UnknownCallback);
    let id = hostile.next_id();
    let body = frame::Body::default();
    let unknown = Send {
        id: Some(id),
        to: token.into(),
        method: Some("sung".into()),
        body,
        expires_in: None,
    };
    let refused = hostile.ask(id, &ClientFrame::Send(unknown)).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::UnknownMethod);
    offered.callback().said(1);
    assert_eq!(next(&mut calls).await, Call::Said(1));
    assert_eq!(owner.statistics().calls_unreadable, 0, "nothing came to it");
}

fn guest_of(others: &[String]) -> Body {
    let others = serde_json::to_string(others).unwrap();
    Body::json(format!(r#"{{"guest":{{"name":"","ear":null,"others":{others}}}}}"#))
}

async fn forged_handles_are_over(over: Transport) {
    let setting = over.start().await.unwrap();
    let service = connect(&setting.place, "service").await;
    let hostile = connect(&setting.place, "hostile").await;
    let (_serving, mut guests) = open(&service, "door").await;
    let guest = |others: &[String]| hostile.request("door.enter", guest_of(others));
    let forged: Vec<_> = (0..10_000).map(|number| format!("{number:032x}")).collect();
    let answer = within(guest(&forged)).await;
    assert!(answer.is_ok(), "{answer:?}");
    let there = within(guests.recv()).await.unwrap().others;
    for callback in &there {
        assert_eq!(within(callback.released()).await, ReleaseReason::Lost);
    }
    let many = (0..16_385).map(|number| format!("{number:x}")).collect();
    for (what, nonsense) in [("too long", vec!["x".repeat(129)]), ("too many", many)] {
        let refused = within(guest(&nonsense)).await;
        assert!(matches!(refused, Err(RequestError::Failed { .. })), "{what}: {refused:?}");
    }

    let (offered, mut calls) = offer(&hostile).await;
    hand(offered.callback(), &hostile, &service).await.said(1);
    assert_eq!(next(&mut calls).await, Call::Said(1));
    let statistics = service.statistics();
    assert_eq!((statistics.sessions, statistics.resumed), (1, 0), "its connection lives");
}
