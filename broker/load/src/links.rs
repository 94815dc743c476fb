//! The broker's own protocol, over any transport.

use std::cell::RefCell;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use broker_protocol::frame::{
    Body, BrokerFrame, ClientFrame, Connect, Content, Keep, LaneOptions, Ping, Pong, Publish,
    Subscribe,
};
use broker_protocol::{Codec, frames_in_packet, message};
use bytes::BytesMut;
use transport_api::{Channel, Connector, Framing, Link, Packet, Received, Sent, Subprotocol};

use crate::party::{Dialect, Heard, LoadError, LocalFuture, Party};
use crate::tally::Tally;

/// The largest frame that is expected, in bytes.
const FRAME_BYTES_MAX: usize = 64 << 20;

/// The buffer that is used while a connection begins, in bytes.
const BEGINNING_BYTES: usize = 16 << 10;

/// How many links share a connector. More, and bursts overrun the one receive buffer that they have
/// over QUIC: what is measured then is loss.
const LINKS_PER_CONNECTOR: usize = 8;

/// The broker's own protocol, over any transport.
pub struct LinkDialect {
    url: String,
    codec: Codec,
    options: Option<LaneOptions>,
    receive_window: Option<u64>,
    connect: Box<dyn Fn() -> Arc<dyn Connector>>,
    connector: RefCell<(usize, Option<Arc<dyn Connector>>)>,
}

impl LinkDialect {
    /// A dialect that opens links to `url`, by connectors that `connect` makes.
    pub fn new(
        url: impl Into<String>,
        codec: Codec,
        connect: impl Fn() -> Arc<dyn Connector> + 'static,
    ) -> Self {
        let (url, connect) = (url.into(), Box::new(connect));
        let (options, receive_window) = (None, None);
        let connector = RefCell::new((0, None));
        Self { url, codec, options, receive_window, connect, connector }
    }

    /// Asks for these options of the lane in which deliveries come.
    #[must_use]
    pub fn options(mut self, options: LaneOptions) -> Self {
        self.options = Some(options);
        self
    }

    /// Takes part in credit: no more than this many bytes are sent to a connection that it hasn't
    /// told to have consumed.
    #[must_use]
    pub fn receive_window(mut self, bytes: Option<u64>) -> Self {
        self.receive_window = bytes;
        self
    }

    fn connector(&self) -> Arc<dyn Connector> {
        let (links, connector) = &mut *self.connector.borrow_mut();
        if links.is_multiple_of(LINKS_PER_CONNECTOR) {
            *connector = None;
        }
        *links += 1;
        connector.get_or_insert_with(|| (self.connect)()).clone()
    }
}

impl Dialect for LinkDialect {
    fn open(&self) -> LocalFuture<'_, Result<Box<dyn Party>, LoadError>> {
        Box::pin(async move {
            let codec = self.codec;
            let text = codec.is_text();
            let offered = [Subprotocol { family: "broker", version: 1, codec: codec.name(), text }];
            let connector = self.connector();
            let link = connector.connect(&self.url, &offered).await?;
            let mut party = LinkParty {
                link,
                codec,
                options: self.options.clone(),
                out: BytesMut::new(),
                blocked: false,
                answers: false,
                partial: Vec::new(),
                tally: self.receive_window.map(Tally::new),
                _connector: connector,
            };
            let (receive_window, session_expiry) = (self.receive_window, Some(SESSION_EXPIRY));
            let connect =
                Connect { version: 1, receive_window, session_expiry, ..Connect::default() };
            party.ask(&ClientFrame::Connect(connect)).await?;
            Ok(Box::new(party) as Box<dyn Party>)
        })
    }
}

/// How long a session stays when a run is over, in milliseconds: what it costs that it may be gone on
/// with is a part of what is measured, and the next run is to find none.
const SESSION_EXPIRY: u64 = 1000;

struct LinkParty {
    link: Box<dyn Link>,
    codec: Codec,
    options: Option<LaneOptions>,
    /// What is to be sent.
    out: BytesMut,
    /// Whether the link is to be polled for room.
    blocked: bool,
    /// Whether answers to marks are in `out`.
    answers: bool,
    /// Parts of frames, one buffer for each channel that streams.
    partial: Vec<(Channel, BytesMut)>,
    /// What is told, if it takes part in credit.
    tally: Option<Tally>,
    /// Some transports end their links with it.
    _connector: Arc<dyn Connector>,
}

impl LinkParty {
    /// Sends a command and waits until it is answered.
    async fn ask(&mut self, command: &ClientFrame<'_>) -> Result<(), LoadError> {
        self.codec.write_client(command, &mut self.out);
        poll_fn(|cx| self.poll_flush(cx)).await?;
        let mut buffer = vec![0; BEGINNING_BYTES];
        let mut answered = false;
        while !answered {
            let mut told = |frame: &BrokerFrame<'_>| {
                answered |= matches!(frame, BrokerFrame::Connected(_) | BrokerFrame::Accepted(_));
            };
            poll_fn(|cx| self.poll_pieces(cx, &mut buffer, &mut |_| {}, &mut told)).await?;
        }
        Ok(())
    }

    fn poll_pieces(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
        heard: &mut dyn FnMut(Heard<'_>),
        told: &mut dyn FnMut(&BrokerFrame<'_>),
    ) -> Poll<Result<(), LoadError>> {
        let Self { link, codec, partial, out, answers, tally, .. } = self;
        let framing = link.properties().framing;
        let mut failed = None;
        let polled = link.poll_receive(cx, buffer, &mut |piece: Received<'_>| {
            let Received::Data(channel, bytes) = piece else { return true };
            let (codec, heard, told) = (*codec, &mut *heard, &mut *told);
            let (out, tally) = (&mut *out, tally.as_mut());
            let mut reading = Reading { codec, heard, told, out, answers: false, channel, tally };
            let read = match framing {
                Framing::Packets => reading.packet(bytes),
                Framing::Stream => reading.stream(partial_of(partial, channel), bytes),
            };
            *answers |= reading.answers;
            failed = read.err();
            failed.is_none()
        });
        if self.answers && self.poll_flush(cx)?.is_ready() {
            self.answers = false;
        }
        match failed {
            Some(error) => Poll::Ready(Err(error)),
            None => polled.map_err(LoadError::from),
        }
    }
}

impl Party for LinkParty {
    fn conflate(&mut self) {
        self.options.get_or_insert_default().keep = Some(Keep::Latest(1));
    }

    fn subscribe<'a>(&'a mut self, topic: &'a str) -> LocalFuture<'a, Result<(), LoadError>> {
        Box::pin(async move {
            let (filter, options) = (topic.to_owned(), self.options.clone());
            let subscribe = Subscribe { id: 1, filter, options, ..Subscribe::default() };
            self.ask(&ClientFrame::Subscribe(subscribe)).await
        })
    }

    fn publish(&mut self, topic: &str, payload: &[u8]) {
        let content = if self.codec.is_text() { Content::Text } else { Content::Bytes };
        let body = Body { payload: payload.into(), content, ..Body::default() };
        let publish = Publish { topic: topic.into(), body, ..Publish::default() };
        self.codec.write_client(&ClientFrame::Publish(publish), &mut self.out);
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LoadError>> {
        loop {
            if self.blocked {
                std::task::ready!(self.link.poll_writable(cx))?;
                self.blocked = false;
            }
            if self.out.is_empty() {
                return Poll::Ready(Ok(()));
            }
            let sent = self.link.try_send(Channel::Control, Packet::lent(&self.out))?;
            self.link.end_turn();
            self.blocked = sent != Sent::Taken;
            if sent != Sent::Refused {
                self.out.clear();
            }
        }
    }

    fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
        heard: &mut dyn FnMut(Heard<'_>),
    ) -> Poll<Result<(), LoadError>> {
        self.poll_pieces(cx, buffer, heard, &mut |_| {})
    }
}

fn partial_of(partial: &mut Vec<(Channel, BytesMut)>, channel: Channel) -> &mut BytesMut {
    let place = partial.iter().position(|(of, _)| *of == channel).unwrap_or_else(|| {
        partial.push((channel, BytesMut::new()));
        partial.len() - 1
    });
    &mut partial[place].1
}

/// Reads the frames of a piece: messages are counted, and only the first and last are looked into;
/// marks are answered, by which the broker measures what was consumed.
struct Reading<'a> {
    codec: Codec,
    heard: &'a mut dyn FnMut(Heard<'_>),
    told: &'a mut dyn FnMut(&BrokerFrame<'_>),
    out: &'a mut BytesMut,
    /// Whether something is to be answered.
    answers: bool,
    channel: Channel,
    tally: Option<&'a mut Tally>,
}

impl Reading<'_> {
    fn packet(&mut self, bytes: &[u8]) -> Result<(), LoadError> {
        let mut row = Row::default();
        for frame in frames_in_packet(self.codec, bytes, FRAME_BYTES_MAX) {
            self.frame(frame?, &mut row)?;
        }
        self.end(&mut row)
    }

    fn stream(&mut self, held: &mut BytesMut, bytes: &[u8]) -> Result<(), LoadError> {
        if held.is_empty() {
            let taken = self.frames(bytes)?;
            held.extend_from_slice(&bytes[taken..]);
            return Ok(());
        }
        held.extend_from_slice(bytes);
        let taken = self.frames(held)?;
        let rest = held.len() - taken;
        held.copy_within(taken.., 0);
        held.truncate(rest);
        Ok(())
    }

    /// Reads every whole frame. Returns how many bytes they are.
    fn frames(&mut self, bytes: &[u8]) -> Result<usize, LoadError> {
        let (mut taken, mut row) = (0, Row::default());
        while let Some(cut) = self.codec.cut(&bytes[taken..], FRAME_BYTES_MAX)? {
            self.frame(cut.frame, &mut row)?;
            taken += cut.taken;
        }
        self.end(&mut row)?;
        Ok(taken)
    }

    fn frame<'f>(&mut self, frame: &'f [u8], row: &mut Row<'f>) -> Result<(), LoadError> {
        if message::is_one(self.codec, frame) {
            if let Some(tally) = &mut self.tally {
                tally.data(self.channel, self.codec.framed_bytes(frame));
            }
            row.count += 1;
            row.first.get_or_insert(frame);
            row.last = Some(frame);
            return Ok(());
        }
        self.end(row)?;
        let bytes = self.codec.framed_bytes(frame);
        let frame = self.codec.read_broker(frame)?;
        if let (Some(tally), Some(frame)) = (&mut self.tally, &frame) {
            tally.hear(self.channel, frame, bytes);
        }
        match frame {
            Some(BrokerFrame::Gap(gap)) => (self.heard)(Heard::Gap { count: gap.count }),
            Some(BrokerFrame::Message(message)) => {
                let payload = &*message.body.payload;
                (self.heard)(Heard::Messages { count: 1, first: payload, last: payload });
            }
            Some(BrokerFrame::Ping(Ping { mark: mark @ Some(_) })) => {
                let pong = ClientFrame::Pong(Pong { mark, lag: Vec::new() });
                self.codec.write_client(&pong, self.out);
                self.answers = true;
            }
            Some(BrokerFrame::Rejected(rejected)) => {
                return Err(LoadError::Refused(rejected.message));
            }
            Some(BrokerFrame::Disconnect(shutdown)) => {
                return Err(LoadError::Ended(shutdown.reason));
            }
            Some(frame) => (self.told)(&frame),
            None => {}
        }
        Ok(())
    }

    /// Tells of the messages that came in a row.
    fn end(&mut self, row: &mut Row<'_>) -> Result<(), LoadError> {
        if let Some(tally) = &mut self.tally {
            self.answers |= tally.tell(self.codec, self.out);
        }
        let Row { count, first: Some(first), last: Some(last) } = std::mem::take(row) else {
            return Ok(());
        };
        let (first, last) = (self.codec.read_broker(first)?, self.codec.read_broker(last)?);
        if let (Some(BrokerFrame::Message(first)), Some(BrokerFrame::Message(last))) = (first, last)
        {
            let (first, last) = (&*first.body.payload, &*last.body.payload);
            (self.heard)(Heard::Messages { count, first, last });
        }
        Ok(())
    }
}

/// Messages in a row.
#[derive(Default)]
struct Row<'a> {
    count: u64,
    first: Option<&'a [u8]>,
    last: Option<&'a [u8]>,
}
