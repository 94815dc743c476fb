//! The broker's end of a link, driven by a test.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::Poll;

use broker_protocol::frame::{
    Accepted, Body, BrokerFrame, ClientFrame, Connect, Connected, Consumed, Message, SessionLimits,
    Subscribe,
};
use broker_protocol::{Codec, frames_in_packet};
use bytes::{Bytes, BytesMut};
use transport_api::{Channel, Link, LinkError, Packet, Received, Sent};

const FRAME_BYTES_MAX: usize = 1 << 24;

/// A frame from the client.
pub(crate) struct Frame(Vec<u8>);

impl Frame {
    pub(crate) fn read(&self) -> ClientFrame<'_> {
        Codec::Bincode.read_client(&self.0).unwrap().expect("a known frame")
    }
}

/// The broker's end of a link.
pub(crate) struct Peer {
    link: Box<dyn Link>,
    frames: VecDeque<Frame>,
}

impl Peer {
    pub(crate) fn new(link: Box<dyn Link>) -> Self {
        Self { link, frames: VecDeque::new() }
    }

    /// Opens a session, and says more in the same packet.
    pub(crate) async fn connected_and(&mut self, more: &[BrokerFrame<'_>]) {
        self.connected_as(Connected::default(), more).await;
    }

    /// Opens a session that is as `connected` says, and says more in the same packet. Returns what
    /// the client asked for.
    pub(crate) async fn connected_as(
        &mut self,
        connected: Connected,
        more: &[BrokerFrame<'_>],
    ) -> Connect {
        let frame = self.frame().await;
        let ClientFrame::Connect(asked) = frame.read() else {
            panic!("expected connect, got {:?}", frame.read());
        };
        let limits = SessionLimits {
            payload_bytes_max: 1024,
            frame_bytes_max: 4096,
            packet_bytes_max: 65_536,
            subscriptions_max: 1000,
            commands_open_max: 1024,
        };
        let name = "tester".to_owned();
        let connected = Connected { name, limits, ..connected };
        let mut out = BytesMut::new();
        Codec::Bincode.write_broker(&BrokerFrame::Connected(connected), &mut out);
        more.iter().for_each(|frame| Codec::Bincode.write_broker(frame, &mut out));
        self.say_bytes(out.freeze()).await;
        asked
    }

    /// The next frame, or how the link ended.
    pub(crate) async fn try_frame(&mut self) -> Result<Frame, LinkError> {
        let Self { link, frames } = self;
        let mut buffer = vec![0; 65_536];
        poll_fn(|cx| {
            loop {
                if let Some(frame) = frames.pop_front() {
                    return Poll::Ready(Ok(frame));
                }
                let mut sink = |received: Received<'_>| {
                    if let Received::Data(_, packet) = received {
                        let cut = frames_in_packet(Codec::Bincode, packet, FRAME_BYTES_MAX);
                        frames.extend(cut.map(|frame| Frame(frame.unwrap().to_vec())));
                    }
                    true
                };
                match link.poll_receive(cx, &mut buffer, &mut sink) {
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(error)) if frames.is_empty() => return Poll::Ready(Err(error)),
                    Poll::Ready(Err(_)) => {}
                    Poll::Pending if frames.is_empty() => return Poll::Pending,
                    Poll::Pending => {}
                }
            }
        })
        .await
    }

    pub(crate) async fn frame(&mut self) -> Frame {
        self.try_frame().await.expect("a frame")
    }

    /// Waits until the client closes the link, whatever it says before.
    pub(crate) async fn gone(&mut self) {
        while self.try_frame().await.is_ok() {}
    }

    pub(crate) async fn say(&mut self, frame: &BrokerFrame<'_>) {
        self.try_say(frame).await.unwrap();
    }

    pub(crate) async fn say_bytes(&mut self, packet: Bytes) {
        self.try_say_bytes(packet).await.unwrap();
    }

    /// Says something, or how the link ended.
    pub(crate) async fn try_say(&mut self, frame: &BrokerFrame<'_>) -> Result<(), LinkError> {
        let mut out = BytesMut::new();
        Codec::Bincode.write_broker(frame, &mut out);
        self.try_say_bytes(out.freeze()).await
    }

    async fn try_say_bytes(&mut self, packet: Bytes) -> Result<(), LinkError> {
        let whole = 0..packet.len();
        loop {
            let packet = Packet::shared(&packet, whole.clone());
            let sent = self.link.try_send(Channel::Control, packet)?;
            if sent == Sent::Taken {
                self.link.end_turn();
                return Ok(());
            }
            poll_fn(|cx| self.link.poll_writable(cx)).await?;
            if sent == Sent::TakenAndBlocked {
                return Ok(());
            }
        }
    }

    /// Says something in a channel of its own.
    pub(crate) fn say_in(&mut self, channel: Channel, frames: &[BrokerFrame<'_>]) {
        let mut out = BytesMut::new();
        frames.iter().for_each(|frame| Codec::Bincode.write_broker(frame, &mut out));
        let sent = self.link.try_send(channel, Packet::lent(&out)).unwrap();
        assert_eq!(sent, Sent::Taken);
        self.link.end_turn();
    }

    pub(crate) async fn accept_command(&mut self, id: u64, subscription: Option<u64>) {
        let lane = subscription.map(|_| 0);
        let accepted = Accepted { id, subscription, lane, ..Accepted::default() };
        self.say(&BrokerFrame::Accepted(accepted)).await;
    }

    /// Takes a `subscribe` and accepts it under that number.
    pub(crate) async fn subscribed(&mut self, number: u64) -> Subscribe {
        let frame = self.frame().await;
        let ClientFrame::Subscribe(subscribe) = frame.read() else {
            panic!("expected subscribe, got {:?}", frame.read());
        };
        self.accept_command(subscribe.id, Some(number)).await;
        subscribe
    }

    /// Takes a `subscribe` and grants the options that it asks for, all in lane 0.
    pub(crate) async fn granted(&mut self, number: u64) -> Subscribe {
        let frame = self.frame().await;
        let ClientFrame::Subscribe(subscribe) = frame.read() else {
            panic!("expected subscribe, got {:?}", frame.read());
        };
        let (id, granted) = (subscribe.id, subscribe.options.clone());
        let (subscription, lane) = (Some(number), Some(0));
        let accepted = Accepted { id, subscription, lane, granted, ..Accepted::default() };
        self.say(&BrokerFrame::Accepted(accepted)).await;
        subscribe
    }

    /// Takes a `subscribe` and grants the options that it asks for, in the lane that it asks for.
    pub(crate) async fn granted_there(&mut self, number: u64) -> u8 {
        let frame = self.frame().await;
        let ClientFrame::Subscribe(subscribe) = frame.read() else {
            panic!("expected subscribe, got {:?}", frame.read());
        };
        let (id, granted, lane) = (subscribe.id, subscribe.options.clone(), subscribe.lane);
        let subscription = Some(number);
        let accepted = Accepted { id, subscription, lane, granted, ..Accepted::default() };
        self.say(&BrokerFrame::Accepted(accepted)).await;
        lane.expect("a lane of its own")
    }

    /// Takes an `unsubscribe` and accepts it. Returns its number.
    pub(crate) async fn unsubscribed(&mut self) -> u64 {
        let frame = self.frame().await;
        let ClientFrame::Unsubscribe(unsubscribe) = frame.read() else {
            panic!("expected unsubscribe, got {:?}", frame.read());
        };
        self.accept_command(unsubscribe.id, Some(unsubscribe.subscription)).await;
        unsubscribe.subscription
    }

    pub(crate) async fn message(&mut self, topic: &str, seq: u64, payload: &str) {
        self.say(&message(topic, seq, payload)).await;
    }

    /// The same, and what the client told meanwhile that it has consumed, of the newest word.
    pub(crate) async fn heard_and_consumed(&mut self) -> Option<Consumed> {
        let mark = Some(78);
        self.say(&BrokerFrame::Ping(broker_protocol::frame::Ping { mark })).await;
        let mut consumed = None;
        loop {
            match self.frame().await.read() {
                ClientFrame::Pong(_) => return consumed,
                ClientFrame::Consumed(told) => consumed = Some(told),
                other => panic!("expected pong, got {other:?}"),
            }
        }
    }

    /// Waits for the next word on what was consumed.
    pub(crate) async fn consumed(&mut self) -> Consumed {
        let frame = self.frame().await;
        let ClientFrame::Consumed(consumed) = frame.read() else {
            panic!("expected consumed, got {:?}", frame.read());
        };
        consumed
    }

    /// Waits for a ping's pong: everything said before was received by the client.
    pub(crate) async fn heard(&mut self) {
        let mark = Some(77);
        self.say(&BrokerFrame::Ping(broker_protocol::frame::Ping { mark })).await;
        let frame = self.frame().await;
        let ClientFrame::Pong(pong) = frame.read() else {
            panic!("expected pong, got {:?}", frame.read());
        };
        assert_eq!(pong.mark, mark);
    }
}

pub(crate) fn message<'a>(topic: &'a str, seq: u64, payload: &'a str) -> BrokerFrame<'a> {
    let payload = Cow::Borrowed(payload.as_bytes());
    BrokerFrame::Message(Message {
        seq,
        epoch: 1,
        topic: Cow::Borrowed(topic),
        body: Body { payload, ..Body::default() },
        ..Message::default()
    })
}
