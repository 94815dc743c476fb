//! Answering.

use std::borrow::Cow;
use std::sync::Arc;

use broker_protocol::frame::{
    Body, BrokerFrame, ClientFrame, Outcome, RequestError, RoutedCancel, RoutedRequest,
};
use client_sdk::{Client, Provider, Refusal, Request, Serving};
use tokio::sync::{Semaphore, mpsc};

use crate::peer::Peer;
use crate::place::Place;

async fn serve(client: &Client, peer: &mut Peer, provider: impl Provider) -> Serving {
    let broker = async {
        let frame = peer.frame().await;
        let ClientFrame::Serve(serve) = frame.read() else { panic!("{:?}", frame.read()) };
        peer.accept_command(serve.id, Some(1)).await;
    };
    let serving = client.providing("math.*").concurrent_max(2).waiting_max(1);
    let (serving, ()) = tokio::join!(serving.start(provider), broker);
    serving.unwrap()
}

fn request<'a>(token: &'a str, payload: &'a str) -> BrokerFrame<'a> {
    let payload = Cow::Borrowed(payload.as_bytes());
    BrokerFrame::Request(RoutedRequest {
        token: Cow::Borrowed(token),
        topic: Cow::Borrowed("math.double"),
        from: None,
        timeout: 1000,
        body: Body { payload, ..Body::default() },
        session: None,
    })
}

async fn ask(peer: &mut Peer, token: &str, payload: &str) {
    peer.say(&request(token, payload)).await;
}

async fn reply(peer: &mut Peer) -> (String, Result<String, RequestError>) {
    let frame = peer.frame().await;
    let ClientFrame::Reply(reply) = frame.read() else { panic!("{:?}", frame.read()) };
    let outcome = match reply.outcome {
        Outcome::Answer(body) => Ok(String::from_utf8(body.payload.into_owned()).unwrap()),
        Outcome::Failure(error) => Err(error),
    };
    (reply.to.into_owned(), outcome)
}

#[tokio::test]
async fn requests_are_answered_or_refused() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let double = async |request: Request| {
        let number: i64 = request.text().unwrap().parse().map_err(|e| Refusal::new("nan", e))?;
        Ok((number * 2).to_string().into())
    };
    let _serving = serve(&client, &mut peer, double).await;
    ask(&mut peer, "t1", "21").await;
    assert_eq!(reply(&mut peer).await, ("t1".into(), Ok("42".into())));
    ask(&mut peer, "t2", "x").await;
    let (to, refused) = reply(&mut peer).await;
    assert_eq!((&*to, &*refused.unwrap_err().code), ("t2", "nan"));
}

#[tokio::test]
async fn what_exceeds_concurrency_waits_and_what_exceeds_that_is_busy() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let gate = Arc::new(Semaphore::new(0));
    let (entered, mut entries) = mpsc::channel(10);
    let provider = {
        let gate = Arc::clone(&gate);
        move |request: Request| {
            let (gate, entered) = (Arc::clone(&gate), entered.clone());
            async move {
                entered.send(()).await.unwrap();
                gate.acquire().await.unwrap().forget();
                Ok(request.body)
            }
        }
    };
    let _serving = serve(&client, &mut peer, provider).await;
    // Two are being answered, one has left the queue and waits for its turn, one waits in it.
    for token in ["1", "2", "3", "4"] {
        ask(&mut peer, token, "x").await;
        peer.heard().await;
    }
    entries.recv().await.unwrap();
    entries.recv().await.unwrap();
    ask(&mut peer, "5", "x").await;
    let (to, refused) = reply(&mut peer).await;
    assert_eq!((&*to, &*refused.unwrap_err().code), ("5", "busy"));
    assert_eq!(client.statistics().requests_busy, 1);
    gate.add_permits(4);
    let mut answered = Vec::new();
    for _ in 0..4 {
        answered.push(reply(&mut peer).await.0);
    }
    answered.sort();
    assert_eq!(answered, ["1", "2", "3", "4"]);
}

struct Dropped(mpsc::Sender<&'static str>);

impl Drop for Dropped {
    fn drop(&mut self) {
        let _ = self.0.try_send("dropped");
    }
}

#[tokio::test]
async fn a_cancelled_request_is_abandoned_and_not_answered() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let (events, mut record) = mpsc::channel(10);
    let provider = move |request: Request| {
        let guard = Dropped(events.clone());
        async move {
            if request.text() == Some("hang") {
                guard.0.send("entered").await.unwrap();
                std::future::pending::<()>().await;
            }
            Ok(request.body)
        }
    };
    let _serving = serve(&client, &mut peer, provider).await;
    ask(&mut peer, "hangs", "hang").await;
    assert_eq!(record.recv().await, Some("entered"));
    peer.say(&BrokerFrame::Cancelled(RoutedCancel { token: "hangs".into() })).await;
    assert_eq!(record.recv().await, Some("dropped"));
    ask(&mut peer, "next", "x").await;
    assert_eq!(reply(&mut peer).await.0, "next");
}

#[tokio::test]
async fn a_provider_that_panics_is_not_silent() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let panics = async |request: Request| match request.text() {
        Some("x") => panic!("as the test wants"),
        _ => Ok::<_, Refusal>(request.body),
    };
    let _serving = serve(&client, &mut peer, panics).await;
    ask(&mut peer, "t", "x").await;
    let (to, refused) = reply(&mut peer).await;
    assert_eq!((&*to, &*refused.unwrap_err().code), ("t", "failed"));
}

#[tokio::test]
async fn dropping_the_guard_ends_the_serving() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let serving = serve(&client, &mut peer, async |request: Request| Ok(request.body)).await;
    drop(serving);
    assert_eq!(peer.unsubscribed().await, 1);
}

#[tokio::test(start_paused = true)]
async fn answers_that_pile_up_before_a_blocked_link_end_the_connection() {
    const TOKEN_BYTES: usize = 1 << 20;
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let _serving = serve(&client, &mut peer, async |_: Request| {
        std::future::pending::<Result<client_sdk::Body, Refusal>>().await
    })
    .await;
    // Asks more than the provider has room for, and doesn't listen.
    let mut asked = 0;
    let told = loop {
        let token = format!("{asked}-{}", "x".repeat(TOKEN_BYTES));
        if let Err(told) = peer.try_say(&request(&token, "?")).await {
            break told.to_string();
        }
        asked += 1;
        assert!(asked < 64, "the connection wasn't ended");
    };
    assert!(told.contains("faster than answers can be sent"), "{told}");
}
