//! One end of a link under test, driven as its contract says.

use std::future::poll_fn;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use transport_api::{Channel, CloseReason, Framing, Link, LinkError, Packet, Received, Sent};

use crate::Bounds;
use crate::heard::Heard;
use crate::verdict::{Seen, ensure, within};

const BUFFER_BYTES: usize = 16 * 1024;

/// How often a link may be writable and then take nothing.
const EMPTY_PROMISES_MAX: usize = 100;

/// How often a blocked link may wake its task before it is writable: more is a busy loop.
const BUSY_POLLS_MAX: usize = 10_000;

/// One end of a link under test, driven as its contract says.
pub(crate) struct End {
    pub(crate) name: &'static str,
    pub(crate) link: Box<dyn Link>,
    pub(crate) heard: Heard,
    bounds: Bounds,
    buffer: Vec<u8>,
}

impl End {
    pub(crate) fn new(name: &'static str, link: Box<dyn Link>, bounds: Bounds) -> Self {
        Self { name, link, heard: Heard::default(), bounds, buffer: vec![0; BUFFER_BYTES] }
    }

    pub(crate) fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    pub(crate) fn framing(&self) -> Framing {
        self.link.properties().framing
    }

    /// Offers a packet once.
    pub(crate) fn offer(&mut self, channel: Channel, packet: &Bytes) -> Seen<Sent> {
        let sent = self.link.try_send(channel, Packet::shared(packet, 0..packet.len()));
        let sent = sent.map_err(|error| self.ended("while it was sending", &error))?;
        self.check_unsent(packet, sent)?;
        Ok(sent)
    }

    fn check_unsent(&self, packet: &Bytes, sent: Sent) -> Seen<()> {
        let unsent = self.link.unsent();
        // One byte more than the packet is the lane's number, a few more a header.
        let most = packet.len() + 32;
        let held = sent == Sent::TakenAndBlocked && unsent > most;
        ensure!(
            !held,
            "{} says that {unsent} bytes are unsent after taking {} on an idle channel",
            self.name,
            packet.len()
        );
        Ok(())
    }

    /// Sends a packet, waiting as long as the link is blocked before it.
    pub(crate) async fn send(&mut self, channel: Channel, packet: &Bytes) -> Seen<()> {
        for _ in 0..EMPTY_PROMISES_MAX {
            match self.offer(channel, packet)? {
                Sent::Taken => return Ok(()),
                Sent::TakenAndBlocked => return self.writable().await,
                Sent::Refused => self.writable().await?,
            }
        }
        Err(self.empty_promises())
    }

    /// Sends packets in order.
    pub(crate) async fn send_all(&mut self, channel: Channel, packets: &[Bytes]) -> Seen<()> {
        for packet in packets {
            self.send(channel, packet).await?;
        }
        self.flush().await
    }

    /// Waits until nothing is held back.
    pub(crate) async fn flush(&mut self) -> Seen<()> {
        for _ in 0..EMPTY_PROMISES_MAX {
            if self.link.unsent() == 0 {
                return Ok(());
            }
            self.writable().await?;
        }
        let unsent = self.link.unsent();
        Err(format!("{} is writable and yet {unsent} bytes stay unsent", self.name))
    }

    /// Waits until the link is writable.
    pub(crate) async fn writable(&mut self) -> Seen<()> {
        let what = format!("{} to be writable", self.name);
        let ready = within(self.bounds.patience, what, self.poll_writable_calmly()).await??;
        ready.map_err(|error| self.ended("while it was blocked", &error))
    }

    /// Waits until the link is writable, or says that it keeps its task busy.
    async fn poll_writable_calmly(&mut self) -> Seen<Result<(), LinkError>> {
        let mut polls = 0;
        poll_fn(|cx| {
            polls += 1;
            if polls > BUSY_POLLS_MAX {
                let name = self.name;
                return Poll::Ready(Err(format!("{name} woke its task {polls} times for nothing")));
            }
            self.link.poll_writable(cx).map(Ok)
        })
        .await
    }

    /// Polls the link once for what arrived.
    pub(crate) fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LinkError>> {
        let heard = &mut self.heard;
        let mut sink = |received: Received<'_>| {
            heard.take(&received);
            true
        };
        self.link.poll_receive(cx, &mut self.buffer, &mut sink)
    }

    /// Polls the link once with a sink that pauses after each piece.
    pub(crate) fn poll_receive_one(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LinkError>> {
        let heard = &mut self.heard;
        let mut sink = |received: Received<'_>| {
            heard.take(&received);
            false
        };
        self.link.poll_receive(cx, &mut self.buffer, &mut sink)
    }

    /// Receives until `bytes` have arrived in all.
    pub(crate) async fn receive_bytes(&mut self, bytes: usize) -> Seen<()> {
        while self.heard.bytes() < bytes {
            let heard = self.heard.bytes();
            let what = format!("{} to receive more than {heard} of {bytes} bytes", self.name);
            self.receive_some(what).await?;
        }
        Ok(())
    }

    /// Receives until `bytes` have arrived in one channel.
    pub(crate) async fn receive_bytes_of(&mut self, channel: Channel, bytes: usize) -> Seen<()> {
        while self.heard.pieces(channel).iter().map(Bytes::len).sum::<usize>() < bytes {
            let what = format!("{} to receive {bytes} bytes in {channel:?}", self.name);
            self.receive_some(what).await?;
        }
        Ok(())
    }

    /// Receives until `count` pongs have arrived in all.
    pub(crate) async fn receive_pongs(&mut self, count: usize) -> Seen<()> {
        while self.heard.pongs.len() < count {
            let pongs = self.heard.pongs.len();
            let what = format!("{} to receive more than {pongs} of {count} pongs", self.name);
            self.receive_some(what).await?;
        }
        Ok(())
    }

    async fn receive_some(&mut self, what: String) -> Seen<()> {
        let patience = self.bounds.patience;
        let received = within(patience, what, poll_fn(|cx| self.poll_receive(cx))).await?;
        received.map_err(|error| self.ended("while it was receiving", &error))
    }

    /// Receives everything until the link ends, and returns how it ended.
    pub(crate) async fn receive_end(&mut self) -> Seen<LinkError> {
        let patience = self.bounds.patience;
        loop {
            let what = format!("{} to notice the end of the link", self.name);
            if let Err(end) = within(patience, what, poll_fn(|cx| self.poll_receive(cx))).await? {
                return Ok(end);
            }
        }
    }

    /// Receives for as long as something comes within the time that counts as quiet.
    pub(crate) async fn receive_stray(&mut self) {
        let quiet = self.bounds.quiet;
        while let Ok(Ok(())) = within(quiet, "", poll_fn(|cx| self.poll_receive(cx))).await {}
    }

    /// Offers packets of `lengths` until the link has been blocked for the time that counts as
    /// quiet. Returns what it took.
    pub(crate) async fn fill(&mut self, channel: Channel, length: usize) -> Seen<Vec<Bytes>> {
        let mut taken = Vec::new();
        let mut refusals = 0;
        let text = self.link.properties().subprotocol.text;
        while refusals < EMPTY_PROMISES_MAX {
            let packet = crate::packets::packet(taken.len(), length, text);
            let sent = self.offer(channel, &packet)?;
            if sent == Sent::Refused {
                refusals += 1;
            } else {
                refusals = 0;
                taken.push(packet);
            }
            self.check_bound(taken.len() * length)?;
            if sent != Sent::Taken && !self.writable_soon().await? {
                return Ok(taken);
            }
        }
        Err(self.empty_promises())
    }

    fn empty_promises(&self) -> String {
        format!("{} was writable {EMPTY_PROMISES_MAX} times and took nothing", self.name)
    }

    pub(crate) fn check_bound(&self, taken: usize) -> Seen<()> {
        let bound = self.bounds.in_flight_bytes_max;
        ensure!(
            taken <= bound,
            "{} took {taken} bytes although its peer reads nothing (stated bound: {bound})",
            self.name
        );
        Ok(())
    }

    /// Whether the link becomes writable within the time that counts as quiet.
    pub(crate) async fn writable_soon(&mut self) -> Seen<bool> {
        match within(self.bounds.quiet, "", self.poll_writable_calmly()).await {
            Ok(Err(busy)) => Err(busy),
            Ok(Ok(Ok(()))) => Ok(true),
            Ok(Ok(Err(error))) => Err(self.ended("while it was blocked", &error)),
            Err(_) => Ok(false),
        }
    }

    /// Sends a packet, receiving as long as the link is blocked.
    pub(crate) async fn send_while_receiving(
        &mut self,
        channel: Channel,
        packet: &Bytes,
    ) -> Seen<()> {
        for _ in 0..EMPTY_PROMISES_MAX {
            match self.offer(channel, packet)? {
                Sent::Taken => return Ok(()),
                Sent::TakenAndBlocked => return self.writable_while_receiving().await,
                Sent::Refused => self.writable_while_receiving().await?,
            }
        }
        Err(self.empty_promises())
    }

    /// Waits until nothing is held back, receiving meanwhile.
    pub(crate) async fn flush_while_receiving(&mut self) -> Seen<()> {
        while self.link.unsent() > 0 {
            self.writable_while_receiving().await?;
        }
        Ok(())
    }

    async fn writable_while_receiving(&mut self) -> Seen<()> {
        let patience = self.bounds.patience;
        let what = format!("{} to be writable while both ends read and write", self.name);
        let either = poll_fn(|cx| {
            loop {
                if let Poll::Ready(ready) = self.link.poll_writable(cx) {
                    return Poll::Ready(ready);
                }
                ready!(self.poll_receive(cx))?;
            }
        });
        let ready = within(patience, what, either).await?;
        ready.map_err(|error| self.ended("while it was blocked", &error))
    }

    /// Closes the link and waits until everything has left.
    pub(crate) async fn close(&mut self, reason: CloseReason) -> Seen<()> {
        self.link.close(reason);
        let what = format!("{} to have closed", self.name);
        let closed = poll_fn(|cx| self.link.poll_closed(cx));
        within(self.bounds.patience, what, closed).await
    }

    /// Says where what came in `channel` differs from `sent`.
    pub(crate) fn check_heard(&self, channel: Channel, sent: &[Bytes]) -> Seen<()> {
        let compared = self.heard.compare(self.framing(), channel, sent);
        compared.map_err(|how| format!("at {} {how}", self.name))
    }

    fn ended(&self, when: &str, error: &LinkError) -> String {
        format!("{} ended {when}: {error}", self.name)
    }
}

/// The bytes of packets.
pub(crate) fn total(packets: &[Bytes]) -> usize {
    packets.iter().map(Bytes::len).sum()
}
