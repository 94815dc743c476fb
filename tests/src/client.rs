//! A client that listens for what a scenario waits for.

use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use broker::SUBPROTOCOLS;
use broker_protocol::Codec;
use broker_protocol::frame::{
    Accepted, Body, BrokerFrame, ClientFrame, ClientInfo, Connect, Connected, Gap, LaneHeader,
    Message, Publish, Rejected, Shutdown, Subscribe, Unsubscribe,
};
use tokio::time::{Instant, timeout_at};
use transport_api::{Channel, Subprotocol};

use crate::bare::{BUFFER_BYTES, Bare, BareError};
use crate::heard::{Heard, kept};
use crate::setting::Place;

/// How long anything that a scenario waits for may take. Far more than it takes on a busy machine:
/// a test that gets here has failed.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A client that keeps what it hears until it is asked for.
///
/// What takes longer than [`PATIENCE`], or isn't what was expected, panics and says what was heard
/// instead.
pub struct Client {
    bare: Bare,
    buffer: Vec<u8>,
    heard: VecDeque<Heard>,
    headers: BTreeMap<Channel, LaneHeader>,
    ended: Option<BareError>,
    last_id: u64,
    /// What the broker said at the beginning; empty if it said something else.
    pub connected: Connected,
}

impl Client {
    /// Connects with a codec, under a name. Its session ends with the connection.
    pub async fn connect(place: &Place, codec: Codec, name: &str) -> Self {
        let info = ClientInfo { name: Some(name.to_owned()), sdk: None };
        let connect = Connect { version: 1, client: info, ..Connect::default() };
        Self::connect_as(place, codec, Connect { session_expiry: Some(0), ..connect }).await
    }

    /// Connects with what `connect` says.
    pub async fn connect_as(place: &Place, codec: Codec, connect: Connect) -> Self {
        let mut client = Self::open(place, codec).await;
        client.send(&ClientFrame::Connect(connect)).await;
        let connected = client
            .wait_for("connected", |heard| match &heard.frame {
                BrokerFrame::Connected(connected) => Some(connected.clone()),
                _ => None,
            })
            .await;
        client.connected = connected;
        client
    }

    /// Opens a link and says `connect`; what comes of it is to be heard.
    pub async fn knock(place: &Place, codec: Codec, name: Option<String>) -> Self {
        let mut client = Self::open(place, codec).await;
        let info = ClientInfo { name, sdk: None };
        let expiry = Some(0);
        let connect =
            Connect { version: 1, client: info, session_expiry: expiry, ..Connect::default() };
        // The broker may have refused already, and closed.
        let _ = client.try_send(&ClientFrame::Connect(connect)).await;
        client
    }

    /// Whether the broker has room for another connection, which ends at once.
    pub async fn is_let_in(place: &Place) -> bool {
        let mut client = Self::knock(place, Codec::Bincode, None).await;
        let let_in = client.wait_for("an answer", |heard| match &heard.frame {
            BrokerFrame::Connected(_) => Some(true),
            BrokerFrame::Disconnect(_) => Some(false),
            _ => None,
        });
        let_in.await
    }

    /// Opens a link and says nothing yet.
    pub async fn open(place: &Place, codec: Codec) -> Self {
        let connector = place.connector();
        let opening = Bare::open(&*connector, &place.url, subprotocol(codec));
        let bare =
            tokio::time::timeout(PATIENCE, opening).await.expect("connecting takes too long");
        Self::over(bare.expect("the broker is there"))
    }

    /// Listens on a link that was opened otherwise.
    pub fn over(bare: Bare) -> Self {
        Self {
            bare,
            buffer: vec![0; BUFFER_BYTES],
            heard: VecDeque::new(),
            headers: BTreeMap::new(),
            ended: None,
            last_id: 0,
            connected: Connected::default(),
        }
    }

    /// The link and its frames.
    pub fn bare(&mut self) -> &mut Bare {
        &mut self.bare
    }

    /// An id that this client hasn't used.
    pub fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Sends one frame.
    pub async fn send(&mut self, frame: &ClientFrame<'_>) {
        self.try_send(frame).await.expect("the link lives");
    }

    /// Sends one frame, unless the link has ended.
    ///
    /// # Errors
    /// If it has.
    pub async fn try_send(&mut self, frame: &ClientFrame<'_>) -> Result<(), BareError> {
        let sending = self.bare.send(frame);
        Ok(tokio::time::timeout(PATIENCE, sending).await.expect("sending takes too long")?)
    }

    /// Sends one packet, whatever it is.
    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        let sending = self.bare.send_bytes(bytes);
        let sent = tokio::time::timeout(PATIENCE, sending).await.expect("sending takes too long");
        sent.expect("the link lives");
    }

    /// Subscribes, and waits until the subscription has begun. Returns its number.
    pub async fn subscribe(&mut self, filter: &str) -> u64 {
        let subscribe = Subscribe { filter: filter.to_owned(), ..Subscribe::default() };
        let accepted = self.subscribe_as(subscribe).await.expect("a subscription is accepted");
        accepted.subscription.expect("it has a number")
    }

    /// Subscribes with an id of its own, and waits for the answer.
    ///
    /// # Errors
    /// What the broker said against it.
    pub async fn subscribe_as(&mut self, subscribe: Subscribe) -> Result<Accepted, Rejected> {
        let id = self.next_id();
        self.ask(id, &ClientFrame::Subscribe(Subscribe { id, ..subscribe })).await
    }

    /// Unsubscribes, and waits for the answer.
    ///
    /// # Errors
    /// What the broker said against it.
    pub async fn unsubscribe(&mut self, subscription: u64) -> Result<Accepted, Rejected> {
        let id = self.next_id();
        self.ask(id, &ClientFrame::Unsubscribe(Unsubscribe { id, subscription })).await
    }

    /// Publishes without an acknowledgement.
    pub async fn publish(&mut self, topic: &str, payload: impl AsRef<[u8]>) {
        self.send(&ClientFrame::Publish(Publish::bytes(topic, payload.as_ref()))).await;
    }

    /// Publishes, and waits for the acknowledgement.
    ///
    /// # Errors
    /// What the broker said against it.
    pub async fn publish_acked(
        &mut self,
        topic: &str,
        payload: impl AsRef<[u8]>,
    ) -> Result<Accepted, Rejected> {
        let body = Publish::bytes(topic, payload.as_ref()).body;
        self.publish_as(topic, body).await
    }

    /// Publishes a body, and waits for the acknowledgement.
    ///
    /// # Errors
    /// What the broker said against it.
    pub async fn publish_as(&mut self, topic: &str, body: Body<'_>) -> Result<Accepted, Rejected> {
        let id = self.next_id();
        let publish = Publish { id: Some(id), topic: topic.into(), body, ..Publish::default() };
        self.ask(id, &ClientFrame::Publish(publish)).await
    }

    /// Sends a command and waits for its answer.
    ///
    /// # Errors
    /// What the broker said against it.
    pub async fn ask(&mut self, id: u64, frame: &ClientFrame<'_>) -> Result<Accepted, Rejected> {
        self.send(frame).await;
        self.answer_to(id).await
    }

    /// Waits for the answer to a command.
    ///
    /// # Errors
    /// What the broker said against it.
    pub async fn answer_to(&mut self, id: u64) -> Result<Accepted, Rejected> {
        self.wait_for("an answer", |heard| match &heard.frame {
            BrokerFrame::Accepted(accepted) if accepted.id == id => Some(Ok(accepted.clone())),
            BrokerFrame::Rejected(rejected) if rejected.id == id => Some(Err(rejected.clone())),
            _ => None,
        })
        .await
    }

    /// Waits for the next message.
    pub async fn message(&mut self) -> Message<'static> {
        self.wait_for("a message", message_of).await
    }

    /// Waits for the next message or gap.
    pub async fn message_or_gap(&mut self) -> Result<Message<'static>, Gap> {
        self.wait_for("a message or a gap", |heard| match &heard.frame {
            BrokerFrame::Gap(gap) => Some(Err(gap.clone())),
            _ => message_of(heard).map(Ok),
        })
        .await
    }

    /// Waits for the closing word.
    pub async fn disconnect(&mut self) -> Shutdown {
        self.wait_for("disconnect", |heard| match &heard.frame {
            BrokerFrame::Disconnect(shutdown) => Some(shutdown.clone()),
            _ => None,
        })
        .await
    }

    /// Waits until the link has ended, and tells how.
    pub async fn end(&mut self) -> BareError {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(ended) = self.ended.take() {
                return ended;
            }
            self.hear(deadline, "the end of the link").await;
        }
    }

    /// Says that nothing was heard that hasn't been asked for; a message that this client publishes
    /// to a topic of its own shows that nothing else was under way before it.
    pub async fn expect_nothing_else(&mut self, subscribed: &str) {
        self.publish_acked(subscribed, "marker").await.expect("the marker is accepted");
        let message = self.message().await;
        assert_eq!(&*message.body.payload, b"marker", "nothing else was expected: {message:?}");
    }

    /// Waits for the first frame of which `wanted` makes something, and takes it. What came before
    /// stays, to be asked for.
    pub async fn wait_for<T>(
        &mut self,
        what: &str,
        mut wanted: impl FnMut(&Heard) -> Option<T>,
    ) -> T {
        let deadline = Instant::now() + PATIENCE;
        let mut looked_at = 0;
        loop {
            while looked_at < self.heard.len() {
                if let Some(found) = wanted(&self.heard[looked_at]) {
                    self.heard.remove(looked_at);
                    return found;
                }
                looked_at += 1;
            }
            if let Some(ended) = &self.ended {
                panic!("the link ended ({ended}) before {what}; heard {:?}", self.heard);
            }
            self.hear(deadline, what).await;
        }
    }

    /// What was heard and not asked for.
    pub fn unasked(&self) -> impl Iterator<Item = &Heard> {
        self.heard.iter()
    }

    async fn hear(&mut self, deadline: Instant, what: &str) {
        let hearing = poll_fn(|cx| {
            let Self { bare, buffer, heard, headers, .. } = self;
            match bare
                .poll_frames(cx, buffer, &mut |channel, frame| hear(heard, headers, channel, frame))
            {
                Poll::Ready(Ok(())) => Poll::Ready(None),
                Poll::Ready(Err(error)) => Poll::Ready(Some(error)),
                Poll::Pending => Poll::Pending,
            }
        });
        match timeout_at(deadline, hearing).await {
            Ok(ended) => self.ended = ended,
            Err(_) => panic!("{what} takes too long; heard {:?}", self.heard),
        }
    }
}

fn hear(
    heard: &mut VecDeque<Heard>,
    headers: &mut BTreeMap<Channel, LaneHeader>,
    channel: Channel,
    frame: BrokerFrame<'_>,
) {
    let header = headers.entry(channel).or_insert_with(|| match channel {
        Channel::Lane(lane) | Channel::Datagram(lane) => LaneHeader { lane, subscription: None },
        Channel::Control => LaneHeader::default(),
    });
    match frame {
        BrokerFrame::Lane(changed) => *header = changed,
        frame => heard.push_back(Heard { header: *header, frame: kept(frame) }),
    }
}

fn message_of(heard: &Heard) -> Option<Message<'static>> {
    match &heard.frame {
        BrokerFrame::Message(message) => Some(message.clone()),
        _ => None,
    }
}

/// How a codec is called for.
pub fn subprotocol(codec: Codec) -> Subprotocol {
    let named = SUBPROTOCOLS.into_iter().find(|one| one.codec == codec.name());
    named.expect("the broker speaks both codecs")
}
