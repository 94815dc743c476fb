//! What happens while the peer doesn't read.

use std::future::poll_fn;
use std::task::Poll;

use bytes::Bytes;
use tokio::time::sleep;
use transport_api::{Channel, Lanes, Packet, Sent};

use crate::Fixture;
use crate::end::{End, total};
use crate::meeting::{Meeting, joined, meet, meet_reined};
use crate::packets::packet;
use crate::verdict::{Seen, Verdict, both, ensure, judge, within};

const CONTROL: Channel = Channel::Control;

/// What fills a link: an ordinary packet of a busy lane, of which buffers hold no whole number.
const LENGTH: usize = 15_000;

/// Lanes in a link at most.
const LANES: u8 = 16;

/// How often a waiting link may wake its task in the time that counts as quiet.
const IDLE_WAKES_MAX: usize = 50;

/// A link whose peer doesn't read is blocked within the stated bound of bytes, and is writable again
/// once the peer reads; everything it took arrives.
pub async fn a_peer_that_does_not_read_blocks_the_link(fixture: &dyn Fixture) -> Verdict {
    judge("a_peer_that_does_not_read_blocks_the_link", async {
        let Meeting { mut client, server, guard: _guard, .. } = meet(fixture).await?;
        let mut sent = client.fill(CONTROL, LENGTH).await?;
        let more = packet(sent.len(), LENGTH, false);
        sent.push(more.clone());
        drain(client, server, sent, vec![more]).await
    })
    .await
}

/// The same from the accepting end, whose socket may be set up otherwise.
pub async fn a_client_that_does_not_read_blocks_the_link(fixture: &dyn Fixture) -> Verdict {
    judge("a_client_that_does_not_read_blocks_the_link", async {
        let Meeting { client, mut server, guard: _guard, .. } = meet(fixture).await?;
        let mut sent = server.fill(CONTROL, LENGTH).await?;
        let more = packet(sent.len(), LENGTH, false);
        sent.push(more.clone());
        drain(server, client, sent, vec![more]).await
    })
    .await
}

/// A packet that was taken while the link was blocked is finished by `poll_writable` alone, and
/// `unsent` returns to 0.
pub async fn a_packet_taken_in_part_is_finished(fixture: &dyn Fixture) -> Verdict {
    judge("a_packet_taken_in_part_is_finished", async {
        let Meeting { mut client, server, guard: _guard, .. } = meet(fixture).await?;
        let sent = client.fill(CONTROL, 40_000).await?;
        drain(client, server, sent, Vec::new()).await
    })
    .await
}

/// What is `Taken` arrives, what is `Refused` doesn't, also when the caller offers something else
/// after a refusal; `unsent` is at most one packet and returns to 0.
pub async fn what_is_taken_arrives_and_what_is_refused_does_not(fixture: &dyn Fixture) -> Verdict {
    judge("what_is_taken_arrives_and_what_is_refused_does_not", async {
        let Meeting { mut client, server, guard: _guard, .. } = meet(fixture).await?;
        let mut taken = client.fill(CONTROL, LENGTH).await?;
        let mut refusals = 0;
        for number in 0..20 {
            // Shorter than what blocks the link, and none offered twice.
            let offered = packet(1_000_000 + number, 700 + number, false);
            match client.offer(CONTROL, &offered)? {
                Sent::Refused => refusals += 1,
                Sent::Taken | Sent::TakenAndBlocked => taken.push(offered),
            }
            let unsent = client.link.unsent();
            ensure!(unsent <= LENGTH + 32, "{unsent} bytes unsent: more than one packet");
        }
        ensure!(refusals > 0, "a link that said it was blocked took 20 packets more");
        drain(client, server, taken, Vec::new()).await
    })
    .await
}

/// A peer that is frozen is no error: the link waits without being busy, and goes on afterwards.
///
/// With [`Reined`](crate::Reined) the network itself is frozen, else the peer's task.
pub async fn a_frozen_peer_makes_the_link_wait(fixture: &dyn Fixture) -> Verdict {
    judge("a_frozen_peer_makes_the_link_wait", async {
        let Some((meeting, reins)) = meet_reined(fixture).await else {
            let Meeting { client, server, guard: _guard, .. } = meet(fixture).await?;
            return wait_frozen(client, server, || ()).await;
        };
        reins.freeze();
        wait_frozen(meeting.client, meeting.server, || reins.thaw()).await
    })
    .await
}

/// What all channels together take for a peer that is frozen stays within the stated bound: what a
/// stalled peer makes the link and the system hold, however many lanes it has.
///
/// With [`Reined`](crate::Reined) the network itself is frozen, else the peer's task.
pub async fn all_channels_together_hold_little_of_a_frozen_peer(fixture: &dyn Fixture) -> Verdict {
    judge("all_channels_together_hold_little_of_a_frozen_peer", async {
        let Some((mut meeting, reins)) = meet_reined(fixture).await else {
            let mut meeting = meet(fixture).await?;
            return fill_all(&mut meeting.server).await;
        };
        reins.freeze();
        fill_all(&mut meeting.server).await
    })
    .await
}

/// Offers packets in every channel until none has taken one for the time that counts as quiet.
async fn fill_all(server: &mut End) -> Seen<()> {
    let lanes = match server.link.properties().lanes {
        Lanes::Shared => 0,
        Lanes::Separate => LANES,
    };
    let channels: Vec<Channel> =
        [CONTROL].into_iter().chain((0..lanes).map(Channel::Lane)).collect();
    let mut taken = 0;
    loop {
        let before = taken;
        for channel in &channels {
            taken += fill_one(server, *channel, taken)?;
        }
        if taken == before || !server.writable_soon().await? {
            return Ok(());
        }
    }
}

/// Offers packets in one channel until it is blocked. Returns how many it took.
fn fill_one(server: &mut End, channel: Channel, taken_before: usize) -> Seen<usize> {
    let mut taken = 0;
    loop {
        let offered = packet(taken_before + taken, LENGTH, false);
        let sent = server.link.try_send(channel, Packet::shared(&offered, 0..LENGTH));
        let sent = sent.map_err(|error| format!("the link of a frozen peer ended: {error}"))?;
        taken += usize::from(sent != Sent::Refused);
        server.check_bound((taken_before + taken) * LENGTH)?;
        if sent != Sent::Taken {
            return Ok(taken);
        }
    }
}

async fn wait_frozen(mut client: End, server: End, thaw: impl FnOnce()) -> Seen<()> {
    let sent = client.fill(CONTROL, LENGTH).await?;
    let wakes = idle_wakes(&mut client, server.bounds().quiet).await?;
    ensure!(wakes <= IDLE_WAKES_MAX, "a link with a frozen peer woke its task {wakes} times");
    thaw();
    drain(client, server, sent, Vec::new()).await
}

/// How often a blocked end that also wants to receive wakes its task.
async fn idle_wakes(end: &mut End, quiet: std::time::Duration) -> Seen<usize> {
    let mut polls = 0;
    let waiting = poll_fn(|cx| {
        polls += 1;
        if let Poll::Ready(Err(error)) = end.poll_receive(cx) {
            return Poll::Ready(format!("the link ended while its peer was frozen: {error}"));
        }
        match end.link.poll_writable(cx) {
            Poll::Ready(Err(error)) => {
                Poll::Ready(format!("the link ended while its peer was frozen: {error}"))
            }
            _ => Poll::Pending,
        }
    });
    match within(quiet, "", waiting).await {
        Ok(ended) => Err(ended),
        Err(_) => Ok(polls),
    }
}

/// Lets `to` read while `from`, in a task of its own, waits to be writable and sends `more`; compares
/// all that arrived with `sent`.
async fn drain(mut from: End, mut to: End, sent: Vec<Bytes>, more: Vec<Bytes>) -> Seen<()> {
    let sending = tokio::spawn(async move {
        // It was blocked, and is to be polled until it is writable.
        let flushed = match from.writable().await {
            Ok(()) => from.send_all(CONTROL, &more).await,
            failed => failed,
        };
        (from, flushed)
    });
    // The sender waits first: then only a wake-up can make it go on.
    sleep(to.bounds().quiet / 4).await;
    let received = to.receive_bytes(total(&sent)).await;
    to.receive_stray().await;
    let compared = to.check_heard(CONTROL, &sent);
    let (_from, flushed) = joined(sending).await?;
    flushed?;
    both(received, compared)
}
