//! Clients of the SDK, driven by the load generator: what a program pays that uses it.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use broker_load::{Dialect, Heard, LoadError, LocalFuture, PAYLOAD_BYTES_MIN, Party};
use broker_protocol::Codec;
use broker_tests::Place;
use bytes::Bytes;
use client_sdk::{Body, Client, Gap, Message, PublishError, Subscriber, Subscription};

/// Opens clients of the SDK.
pub struct SdkDialect {
    place: Rc<Place>,
    codec: Codec,
}

impl SdkDialect {
    /// A dialect whose clients connect to a broker that is there.
    pub fn new(place: Rc<Place>, codec: Codec) -> Self {
        Self { place, codec }
    }
}

impl Dialect for SdkDialect {
    fn open(&self) -> LocalFuture<'_, Result<Box<dyn Party>, LoadError>> {
        Box::pin(async move {
            let builder = Client::builder(&self.place.url).codec(self.codec);
            let connecting = builder.with_connector(self.place.connector()).connect();
            let client = Box::pin(connecting).await.map_err(|error| ended(&error))?;
            let party = SdkParty {
                client,
                codec: self.codec,
                subscription: None,
                told: Arc::default(),
                waiting: VecDeque::new(),
                publishing: None,
            };
            Ok(Box::new(party) as Box<dyn Party>)
        })
    }
}

/// A client, and what its callback was told.
struct SdkParty {
    client: Client,
    codec: Codec,
    subscription: Option<Subscription>,
    told: Arc<Mutex<Told>>,
    /// Messages to be published.
    waiting: VecDeque<(String, Bytes)>,
    publishing: Option<LocalFuture<'static, Result<(), PublishError>>>,
}

/// What a callback was told since somebody looked.
#[derive(Default)]
struct Told {
    count: u64,
    first: [u8; PAYLOAD_BYTES_MIN],
    last: [u8; PAYLOAD_BYTES_MIN],
    missing: u64,
    waker: Option<Waker>,
}

/// The callback: counts, and keeps what tells when messages were due.
struct Counter(Arc<Mutex<Told>>);

impl Subscriber for Counter {
    fn on_message(&mut self, message: &Message) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(mark) = message.payload().first_chunk() else { return };
        if told.count == 0 {
            told.first = *mark;
        }
        told.last = *mark;
        told.count += 1;
        told.wake();
    }

    fn on_gap(&mut self, gap: &Gap) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.missing += gap.count;
        told.wake();
    }
}

impl Told {
    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

impl Party for SdkParty {
    fn subscribe<'a>(&'a mut self, topic: &'a str) -> LocalFuture<'a, Result<(), LoadError>> {
        Box::pin(async move {
            let subscribing = self.client.subscribe(topic, Counter(self.told.clone()));
            let subscription = subscribing.await.map_err(|error| ended(&error))?;
            self.subscription = Some(subscription);
            Ok(())
        })
    }

    fn publish(&mut self, topic: &str, payload: &[u8]) {
        self.waiting.push_back((topic.to_owned(), Bytes::copy_from_slice(payload)));
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LoadError>> {
        loop {
            if let Some(publishing) = &mut self.publishing {
                let published = std::task::ready!(publishing.as_mut().poll(cx));
                self.publishing = None;
                published.map_err(|error| ended(&error))?;
            }
            if self.waiting.is_empty() {
                return Poll::Ready(Ok(()));
            }
            let waiting = std::mem::take(&mut self.waiting);
            self.publishing = Some(Box::pin(publish(self.client.clone(), self.codec, waiting)));
        }
    }

    fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        _buffer: &mut [u8],
        heard: &mut dyn FnMut(Heard<'_>),
    ) -> Poll<Result<(), LoadError>> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.count == 0 && told.missing == 0 {
            told.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let Told { count, first, last, missing, .. } = std::mem::take(&mut *told);
        drop(told);
        if missing > 0 {
            heard(Heard::Gap { count: missing });
        }
        if count > 0 {
            heard(Heard::Messages { count, first: &first, last: &last });
        }
        Poll::Ready(Ok(()))
    }
}

async fn publish(
    client: Client,
    codec: Codec,
    waiting: VecDeque<(String, Bytes)>,
) -> Result<(), PublishError> {
    for (topic, payload) in waiting {
        let body = if codec.is_text() {
            Body::from_text(String::from_utf8_lossy(&payload))
        } else {
            Body::bytes(payload)
        };
        client.publish(&topic, body).await?;
    }
    Ok(())
}

fn ended(error: &dyn std::error::Error) -> LoadError {
    LoadError::Ended(error.to_string())
}
