//! Lanes with channels of their own, pings and datagrams: what only some transports have.

use bytes::Bytes;
use transport_api::{Channel, Lanes, PingSupport, Sent};

use crate::Fixture;
use crate::end::{End, total};
use crate::meeting::{Meeting, joined, meet, meet_reined};
use crate::packets::{packet, varied};
use crate::verdict::{Seen, Verdict, ensure, judge, within};

/// Lanes in a link at most.
const LANES: u8 = 16;
const PINGS: u64 = 50;
const DATAGRAMS: usize = 100;
const FLOOD: usize = 2000;

/// With separate lanes, each lane's packets arrive in its own channel and in order.
pub async fn lanes_keep_their_number_and_order(fixture: &dyn Fixture) -> Verdict {
    judge("lanes_keep_their_number_and_order", async {
        let Meeting { mut client, mut server, guard: _guard, .. } = meet(fixture).await?;
        if server.link.properties().lanes == Lanes::Shared {
            return Ok(());
        }
        let sent: Vec<(Channel, Vec<Bytes>)> = channels()
            .map(|(lane, channel)| {
                let packets =
                    (0..30).map(|number| packet(number, 40 + usize::from(lane) * 50, false));
                (channel, packets.collect())
            })
            .collect();
        let all: usize = sent.iter().map(|(_, packets)| total(packets)).sum();
        let expected = sent.clone();
        let sending = tokio::spawn(async move {
            let result = send_by_turns(&mut server, &sent).await;
            (server, result)
        });
        let received = client.receive_bytes(all).await;
        let (_server, sent) = joined(sending).await?;
        sent?;
        for (channel, packets) in &expected {
            client.check_heard(*channel, packets)?;
        }
        received
    })
    .await
}

/// Control and every lane.
fn channels() -> impl Iterator<Item = (u8, Channel)> {
    (0..LANES).map(|lane| (lane, Channel::Lane(lane))).chain([(LANES, Channel::Control)])
}

async fn send_by_turns(server: &mut End, sent: &[(Channel, Vec<Bytes>)]) -> Seen<()> {
    for number in 0..sent[0].1.len() {
        for (channel, packets) in sent {
            server.send(*channel, &packets[number]).await?;
        }
    }
    server.flush().await
}

/// With separate lanes, one that is held back doesn't hold another one or control back; where the
/// fixture can [hold a lane](crate::Reins::hold_lane).
pub async fn a_lane_held_back_stops_no_other(fixture: &dyn Fixture) -> Verdict {
    judge("a_lane_held_back_stops_no_other", async {
        let Some((meeting, reins)) = meet_reined(fixture).await else { return Ok(()) };
        let Meeting { mut client, mut server, guard: _guard, .. } = meeting;
        if server.link.properties().lanes == Lanes::Shared || !reins.hold_lane(1) {
            return Ok(());
        }
        let held = server.fill(Channel::Lane(1), 15_000).await?;
        let free = varied(20, 1000);
        for packet in &free {
            for channel in [Channel::Lane(2), Channel::Control] {
                let sent = server.offer(channel, packet)?;
                ensure!(sent == Sent::Taken, "beside a lane held back {channel:?} says {sent:?}");
            }
        }
        client.receive_bytes(2 * total(&free)).await?;
        client.check_heard(Channel::Lane(2), &free)?;
        client.check_heard(Channel::Control, &free)?;
        reins.thaw();
        let flushing = tokio::spawn(async move { server.flush().await.map(|()| server) });
        client.receive_bytes(2 * total(&free) + total(&held)).await?;
        client.check_heard(Channel::Lane(1), &held)?;
        joined(flushing).await?.map(drop)
    })
    .await
}

/// Where the transport has pings of its own, pongs come back in order with their marks, behind the
/// data that was sent before, and are the proof that the peer reads.
pub async fn pongs_return_in_order_with_their_marks(fixture: &dyn Fixture) -> Verdict {
    judge("pongs_return_in_order_with_their_marks", async {
        let Meeting { mut client, mut server, guard: _guard, bounds } = meet(fixture).await?;
        if server.link.properties().ping == PingSupport::None {
            return Ok(());
        }
        let reading = tokio::spawn(async move {
            let end = client.receive_end().await;
            (client, end)
        });
        let mut sent = Vec::new();
        for mark in 0..PINGS {
            let packet = packet(sent.len(), 200, false);
            server.send(Channel::Control, &packet).await?;
            sent.push(packet);
            // Marks are opaque: also those that need all eight bytes.
            ping(&mut server, mark.wrapping_mul(0x0101_0101_0101_0101)).await?;
            server.receive_pongs(sent.len()).await?;
        }
        let expected: Vec<_> =
            (0..PINGS).map(|mark| mark.wrapping_mul(0x0101_0101_0101_0101)).collect();
        let heard = &server.heard.pongs;
        ensure!(*heard == expected, "pongs came with the marks {heard:x?}, not {expected:x?}");
        drop(server);
        let what = "the peer to end";
        let (client, _) = within(bounds.patience, what, joined(reading)).await??;
        client.check_heard(Channel::Control, &sent)
    })
    .await
}

async fn ping(end: &mut End, mark: u64) -> Seen<()> {
    for _ in 0..10 {
        match end.link.try_ping(mark).map_err(|error| format!("a ping met {error}"))? {
            Sent::Taken => return Ok(()),
            Sent::TakenAndBlocked => return end.writable().await,
            Sent::Refused => end.writable().await?,
        }
    }
    Err("an idle link with pings of its own took none".to_owned())
}

/// Where the transport has datagrams, up to the stated size they arrive whole and in their lane, and
/// a larger one doesn't end the link.
pub async fn datagrams_arrive_whole(fixture: &dyn Fixture) -> Verdict {
    judge("datagrams_arrive_whole", async {
        let Meeting { mut client, mut server, guard: _guard, .. } = meet(fixture).await?;
        let Some(longest) = server.link.properties().datagram_bytes_max else { return Ok(()) };
        let lane = Channel::Datagram(3);
        // One byte is the lane's number.
        let mut sent = vec![packet(0, longest - 1, false)];
        server.offer(lane, &sent[0])?;
        server.offer(lane, &packet(1, longest * 2, false))?;
        while client.heard.pieces(lane).len() < 2 && sent.len() < DATAGRAMS {
            let packet = packet(sent.len(), 10 + sent.len(), false);
            let taken = server.offer(lane, &packet)?;
            ensure!(taken == Sent::Taken, "a datagram on an idle link was {taken:?}");
            sent.push(packet);
            client.receive_stray().await;
        }
        let heard = client.heard.pieces(lane);
        ensure!(!heard.is_empty(), "none of {} datagrams arrived", sent.len());
        let strange = heard.iter().find(|one| !sent.contains(one));
        ensure!(strange.is_none(), "a datagram arrived that nobody sent: {strange:?}");
        let elsewhere = client.heard.channels().find(|channel| *channel != lane);
        ensure!(elsewhere.is_none(), "datagrams of lane 3 arrived in {elsewhere:?}");
        Ok(())
    })
    .await
}

/// Where the transport has datagrams, a flood of them is refused where it has no room, the link becomes
/// writable again, and what is said after the flood arrives.
pub async fn a_flood_of_datagrams_goes_on(fixture: &dyn Fixture) -> Verdict {
    judge("a_flood_of_datagrams_goes_on", async {
        let Meeting { mut client, mut server, guard: _guard, bounds } = meet(fixture).await?;
        let Some(longest) = server.link.properties().datagram_bytes_max else { return Ok(()) };
        let (flood, last) = (packet(0, longest - 1, false), packet(1, 20, false));
        // Nobody reads, and nobody waits: what doesn't fit is refused or lost, but isn't held.
        for _ in 0..FLOOD {
            let _ = server.offer(Channel::Datagram(3), &flood)?;
        }
        let unsent = server.link.unsent();
        ensure!(unsent <= longest, "{unsent} bytes are held after a flood of datagrams");
        let reading = tokio::spawn(async move {
            let what = "what was said after a flood of datagrams";
            let heard =
                within(bounds.patience, what, client.receive_bytes_of(Channel::Control, 20));
            heard.await.map(|heard| heard.map(|()| client))
        });
        for _ in 0..FLOOD {
            server.send(Channel::Datagram(3), &flood).await?;
        }
        server.send(Channel::Control, &last).await?;
        server.flush().await?;
        let client = joined(reading).await???;
        client.check_heard(Channel::Control, &[last])
    })
    .await
}
