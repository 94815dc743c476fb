//! Asking.

use std::borrow::Cow;
use std::time::Duration;

use broker_protocol::ErrorCode;
use broker_protocol::frame::{self, BrokerFrame, ClientFrame, Outcome, Rejected, RoutedReply};
use client_sdk::RequestError;
use futures_util::FutureExt;

use crate::peer::{Frame, Peer};
use crate::place::Place;

async fn asked(peer: &mut Peer) -> (Frame, u64) {
    let frame = peer.frame().await;
    let ClientFrame::Request(request) = frame.read() else { panic!("{:?}", frame.read()) };
    let id = request.id;
    (frame, id)
}

#[tokio::test]
async fn a_reply_goes_to_the_request_that_it_answers() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let broker = async {
        let (_, first) = asked(&mut peer).await;
        let (_, second) = asked(&mut peer).await;
        for (id, payload) in [(second, b"second"), (first, b"first!")] {
            let payload = Cow::Borrowed(&payload[..]);
            let outcome = Outcome::Answer(frame::Body { payload, ..frame::Body::default() });
            peer.say(&BrokerFrame::Reply(RoutedReply { id, from: None, outcome })).await;
        }
    };
    let requests = async { tokio::join!(client.request("t", "1"), client.request("t", "2")) };
    let ((first, second), ()) = tokio::join!(requests, broker);
    assert_eq!(first.unwrap().text(), Some("first!"));
    assert_eq!(second.unwrap().text(), Some("second"));
}

#[tokio::test]
async fn each_refusal_has_its_error() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let cases = [
        (ErrorCode::NobodyAnswers, RequestError::NobodyAnswers),
        (ErrorCode::Busy, RequestError::Busy { message: "m".into() }),
        (ErrorCode::ProviderGone, RequestError::ProviderGone),
        (ErrorCode::TimedOut, RequestError::TimedOut(Duration::from_secs(9))),
        (
            ErrorCode::PayloadTooLarge,
            RequestError::Refused { code: ErrorCode::PayloadTooLarge, message: "m".into() },
        ),
    ];
    for (code, expected) in cases {
        let broker = async {
            let (_, id) = asked(&mut peer).await;
            let rejected = Rejected { id, code, message: "m".into(), field: None };
            peer.say(&BrokerFrame::Rejected(rejected)).await;
        };
        let request = client.request_within(Duration::from_secs(9), "t", "");
        let (refused, ()) = tokio::join!(request, broker);
        assert_eq!(refused.unwrap_err(), expected);
    }
}

#[tokio::test]
async fn a_providers_own_refusal_is_passed_on() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let broker = async {
        let (_, id) = asked(&mut peer).await;
        let error = frame::RequestError { code: "odd".into(), message: "not that".into() };
        let outcome = Outcome::Failure(error);
        peer.say(&BrokerFrame::Reply(RoutedReply { id, from: None, outcome })).await;
    };
    let (refused, ()) = tokio::join!(client.request("t", ""), broker);
    let expected = RequestError::Failed { code: "odd".into(), message: "not that".into() };
    assert_eq!(refused.unwrap_err(), expected);
}

#[tokio::test]
async fn dropping_a_request_cancels_it() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let request = tokio::spawn({
        let client = client.clone();
        async move { client.request("t", "").await }
    });
    let (_, id) = asked(&mut peer).await;
    request.abort();
    let frame = peer.frame().await;
    let ClientFrame::Cancel(cancel) = frame.read() else { panic!("{:?}", frame.read()) };
    assert_eq!(cancel.id, id);
}

#[tokio::test]
async fn a_request_that_was_not_sent_yet_is_taken_back_without_a_word() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    {
        let request = client.request("t", "");
        tokio::pin!(request);
        assert!(request.as_mut().now_or_never().is_none());
    }
    client.publish("t", "next").await.unwrap();
    let frame = peer.frame().await;
    assert!(matches!(frame.read(), ClientFrame::Publish(_)), "{:?}", frame.read());
}

#[tokio::test(start_paused = true)]
async fn a_request_without_an_answer_times_out_and_is_cancelled() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let timeout = Duration::from_millis(700);
    let (refused, id) =
        tokio::join!(client.request_within(timeout, "t", ""), async { asked(&mut peer).await.1 });
    assert_eq!(refused.unwrap_err(), RequestError::TimedOut(timeout));
    let frame = peer.frame().await;
    let ClientFrame::Cancel(cancel) = frame.read() else { panic!("{:?}", frame.read()) };
    assert_eq!(cancel.id, id);
}
