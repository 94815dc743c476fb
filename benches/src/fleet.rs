//! A fleet of subscribers, all driven by one thread.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use broker_protocol::frame::{BrokerFrame, ClientFrame, Connect, Publish, Subscribe};
use broker_tests::Place;
use broker_tests::bare::{BUFFER_BYTES, Bare};
use bytes::BytesMut;
use tokio::sync::Notify;
use transport_api::{Connector, Subprotocol};

/// Subscribers that count what they receive. Needs a local runtime.
pub struct Fleet {
    counted: Rc<Counted>,
    subscribers: u64,
    publisher: Bare,
}

#[derive(Default)]
struct Counted {
    received: Cell<u64>,
    wanted: Cell<u64>,
    reached: Notify,
    failed: RefCell<Option<anyhow::Error>>,
}

/// How many links share a connector. More, and bursts overrun the one receive buffer that they have
/// over QUIC: what is measured then is loss.
const LINKS_PER_CONNECTOR: usize = 8;

/// The topic that the whole fleet is subscribed to.
const TOPIC: &str = "bench.fanout";

impl Fleet {
    /// Connects and subscribes.
    ///
    /// # Errors
    /// Whatever stands in the way.
    pub async fn connect(
        place: &Place,
        subscribers: usize,
        subprotocol: Subprotocol,
    ) -> anyhow::Result<Self> {
        let counted = Rc::new(Counted::default());
        let buffer = Rc::new(RefCell::new(vec![0; BUFFER_BYTES]));
        let mut connector = place.connector();
        for number in 0..subscribers {
            if number % LINKS_PER_CONNECTOR == 0 {
                connector = place.connector();
            }
            let mut bare = connect(&*connector, &place.url, subprotocol).await?;
            subscribe(&mut bare).await?;
            let (counted, buffer) = (counted.clone(), buffer.clone());
            tokio::task::spawn_local(poll_fn(move |cx| {
                loop {
                    let mut messages = 0;
                    let polled = bare.poll_frames(cx, &mut buffer.borrow_mut(), &mut |_, frame| {
                        messages += u64::from(matches!(frame, BrokerFrame::Message(_)));
                    });
                    counted.add(messages);
                    match polled {
                        Poll::Ready(Ok(())) => {}
                        Poll::Ready(Err(error)) => {
                            counted.fail(error.into());
                            return Poll::Ready(());
                        }
                        Poll::Pending => return Poll::Pending,
                    }
                }
            }));
        }
        let publisher = connect(&*place.connector(), &place.url, subprotocol).await?;
        Ok(Self { counted, subscribers: subscribers as u64, publisher })
    }

    /// Publishes `count` messages in one packet, and waits until every subscriber has them all.
    ///
    /// # Errors
    /// If a link ends.
    pub async fn round(&mut self, payload: &[u8], count: usize) -> anyhow::Result<()> {
        let wanted = self.counted.received.get() + self.subscribers * count as u64;
        self.counted.wanted.set(wanted);
        self.publish(payload, count).await?;
        let Counted { received, reached, failed, .. } = &*self.counted;
        while received.get() < wanted {
            reached.notified().await;
            if let Some(error) = failed.take() {
                return Err(error.context("a subscriber's link ended"));
            }
        }
        Ok(())
    }

    async fn publish(&mut self, payload: &[u8], count: usize) -> anyhow::Result<()> {
        let mut packet = BytesMut::new();
        for _ in 0..count {
            let publish = ClientFrame::Publish(Publish::bytes(TOPIC, payload));
            self.publisher.codec().write_client(&publish, &mut packet);
        }
        Ok(self.publisher.send_bytes(&packet).await?)
    }

    /// How many subscribers there are.
    pub fn subscribers(&self) -> u64 {
        self.subscribers
    }
}

impl Counted {
    fn fail(&self, error: anyhow::Error) {
        *self.failed.borrow_mut() = Some(error);
        self.reached.notify_one();
    }

    fn add(&self, messages: u64) {
        self.received.set(self.received.get() + messages);
        if messages > 0 && self.received.get() >= self.wanted.get() {
            self.reached.notify_one();
        }
    }
}

async fn connect(
    connector: &dyn Connector,
    url: &str,
    subprotocol: Subprotocol,
) -> anyhow::Result<Bare> {
    let mut bare = Bare::open(connector, url, subprotocol).await?;
    bare.send(&ClientFrame::Connect(Connect { version: 1, ..Connect::default() })).await?;
    answer(&mut bare).await?;
    Ok(bare)
}

async fn subscribe(bare: &mut Bare) -> anyhow::Result<()> {
    let subscribe = Subscribe { id: 1, filter: TOPIC.to_owned(), ..Subscribe::default() };
    bare.send(&ClientFrame::Subscribe(subscribe)).await?;
    answer(bare).await
}

/// Waits for a frame that isn't a message.
async fn answer(bare: &mut Bare) -> anyhow::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut answers = 0;
    while answers == 0 {
        poll_fn(|cx| {
            bare.poll_frames(cx, &mut buffer, &mut |_, frame| {
                answers += u64::from(!matches!(frame, BrokerFrame::Message(_)));
            })
        })
        .await?;
    }
    Ok(())
}
