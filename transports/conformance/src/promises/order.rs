//! Everything arrives, once and in order.

use bytes::Bytes;
use transport_api::Channel;

use crate::Fixture;
use crate::end::{End, total};
use crate::meeting::{BINARY, Meeting, TEXT, joined, meet, meet_over};
use crate::packets::{packets, varied};
use crate::verdict::{Seen, Verdict, both, judge};

const CONTROL: Channel = Channel::Control;

/// Packets of mixed lengths arrive in order and once, in both directions.
pub async fn packets_arrive_in_order(fixture: &dyn Fixture) -> Verdict {
    judge("packets_arrive_in_order", async {
        let Meeting { client, server, guard: _guard, .. } = meet(fixture).await?;
        let (client, server) = carry(client, server, varied(500, 3000)).await?;
        carry(server, client, varied(500, 3000)).await.map(drop)
    })
    .await
}

/// Packets of a subprotocol that is text arrive in order and once.
pub async fn text_packets_arrive_in_order(fixture: &dyn Fixture) -> Verdict {
    judge("text_packets_arrive_in_order", async {
        let Meeting { client, server, guard: _guard, .. } = meet_over(fixture, TEXT).await?;
        let sent = packets((0..200).map(|number| 1 + number * 31), true);
        let (client, server) = carry(client, server, sent.clone()).await?;
        carry(server, client, sent).await.map(drop)
    })
    .await
}

/// Many small packets arrive: 10,000 of 1 to 64 bytes in each direction.
pub async fn many_small_packets_arrive(fixture: &dyn Fixture) -> Verdict {
    judge("many_small_packets_arrive", async {
        let Meeting { client, server, guard: _guard, .. } = meet(fixture).await?;
        let (client, server) = carry(client, server, varied(10_000, 64)).await?;
        carry(server, client, varied(10_000, 64)).await.map(drop)
    })
    .await
}

/// Packets from one byte to 1 MiB arrive, with the lengths at which headers change.
pub async fn large_packets_arrive(fixture: &dyn Fixture) -> Verdict {
    const LENGTHS: [usize; 13] =
        [1, 125, 126, 127, 4095, 4096, 16_383, 16_384, 65_535, 65_536, 65_537, 262_144, 1_048_576];
    judge("large_packets_arrive", async {
        let Meeting { client, server, guard: _guard, .. } = meet_over(fixture, BINARY).await?;
        let (client, server) = carry(client, server, packets(LENGTHS, false)).await?;
        carry(server, client, packets(LENGTHS, false)).await.map(drop)
    })
    .await
}

/// Both ends send 2 MiB at once while they receive, and neither stops the other.
pub async fn both_directions_run_at_once(fixture: &dyn Fixture) -> Verdict {
    judge("both_directions_run_at_once", async {
        let Meeting { client, server, guard: _guard, .. } = meet(fixture).await?;
        let sent = packets(std::iter::repeat_n(8 * 1024, 256), false);
        let one = tokio::spawn(exchange(client, sent.clone()));
        let other = tokio::spawn(exchange(server, sent));
        // Each end is kept until both are done: one that ends early would break the other's link.
        let (one, other) = (joined(one).await?, joined(other).await?);
        one.and(other).map(drop)
    })
    .await
}

/// Sends from one end to the other, each in a task of its own, and compares.
pub(super) async fn carry(mut from: End, mut to: End, sent: Vec<Bytes>) -> Seen<(End, End)> {
    let expected = sent.clone();
    let sending = tokio::spawn(async move {
        let result = from.send_all(CONTROL, &sent).await;
        (from, result)
    });
    let receiving = tokio::spawn(async move {
        let result = to.receive_bytes(total(&expected)).await;
        let compared = to.check_heard(CONTROL, &expected);
        (to, both(result, compared))
    });
    let (from, sent) = joined(sending).await?;
    let (to, received) = joined(receiving).await?;
    sent.and(received)?;
    Ok((from, to))
}

/// Sends and receives the same packets in one task.
async fn exchange(mut end: End, sent: Vec<Bytes>) -> Seen<End> {
    let mut heard = 0;
    for packet in &sent {
        end.send_while_receiving(CONTROL, packet).await?;
        heard += packet.len();
    }
    end.flush_while_receiving().await?;
    end.receive_bytes(heard).await?;
    end.check_heard(CONTROL, &sent)?;
    Ok(end)
}
