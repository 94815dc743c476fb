//! A fleet of subscribers, all driven by one thread.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use tokio::sync::Notify;
use transport_api::Subprotocol;

use crate::link::{BUFFER_BYTES, Bare};
use crate::setting::Setting;

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
        setting: &Setting,
        subscribers: usize,
        subprotocol: Subprotocol,
    ) -> anyhow::Result<Self> {
        let counted = Rc::new(Counted::default());
        let buffer = Rc::new(RefCell::new(vec![0; BUFFER_BYTES]));
        let mut connector = setting.connector();
        for place in 0..subscribers {
            if place % LINKS_PER_CONNECTOR == 0 {
                connector = setting.connector();
            }
            let mut bare = Bare::connect(&*connector, &setting.url, subprotocol).await?;
            bare.subscribe(TOPIC).await?;
            let (counted, buffer) = (counted.clone(), buffer.clone());
            tokio::task::spawn_local(poll_fn(move |cx| {
                loop {
                    let polled = bare.poll_receive(cx, &mut buffer.borrow_mut());
                    counted.add(bare.take_messages());
                    match polled {
                        Poll::Ready(Ok(())) => {}
                        Poll::Ready(Err(error)) => {
                            counted.fail(error);
                            return Poll::Ready(());
                        }
                        Poll::Pending => return Poll::Pending,
                    }
                }
            }));
        }
        let publisher = Bare::connect(&*setting.connector(), &setting.url, subprotocol).await?;
        Ok(Self { counted, subscribers: subscribers as u64, publisher })
    }

    /// Publishes `count` messages in one packet, and waits until every subscriber has them all.
    ///
    /// # Errors
    /// If a link ends.
    pub async fn round(&mut self, payload: &[u8], count: usize) -> anyhow::Result<()> {
        let Counted { received, wanted, reached, failed } = &*self.counted;
        wanted.set(received.get() + self.subscribers * count as u64);
        self.publisher.publish(TOPIC, payload, count).await?;
        while received.get() < wanted.get() {
            reached.notified().await;
            if let Some(error) = failed.take() {
                return Err(error.context("a subscriber's link ended"));
            }
        }
        Ok(())
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
