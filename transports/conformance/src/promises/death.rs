//! The peer vanishes without a word.

use transport_api::{Channel, LinkError};

use crate::Fixture;
use crate::end::{End, total};
use crate::meeting::{Meeting, joined, meet, meet_reined};
use crate::packets::{packet, varied};
use crate::verdict::{Seen, Verdict, ensure, judge, within};

const CONTROL: Channel = Channel::Control;

/// An end that reads notices that its peer vanished, as an error that isn't a close in good order,
/// and after what had arrived.
pub async fn abrupt_death_is_noticed_while_reading(fixture: &dyn Fixture) -> Verdict {
    judge("abrupt_death_is_noticed_while_reading", async {
        let Meeting { mut client, mut server, guard: _guard, .. } = meet(fixture).await?;
        let sent = varied(20, 1000);
        client.send_all(CONTROL, &sent).await?;
        server.receive_bytes(total(&sent)).await?;
        server.check_heard(CONTROL, &sent)?;
        let dying = tokio::spawn(async move { server.receive_end().await });
        tokio::task::yield_now().await;
        drop(client);
        is_death(&joined(dying).await??)
    })
    .await
}

/// An end that only writes notices that its peer vanished.
pub async fn abrupt_death_is_noticed_while_writing(fixture: &dyn Fixture) -> Verdict {
    judge("abrupt_death_is_noticed_while_writing", async {
        let Meeting { client, mut server, guard: _guard, bounds } = meet(fixture).await?;
        drop(client);
        let what = "an end that only writes to see that its peer vanished";
        within(bounds.patience, what, write_to_the_end(&mut server)).await
    })
    .await
}

/// An end that is blocked notices that its peer vanished.
pub async fn abrupt_death_is_noticed_while_blocked(fixture: &dyn Fixture) -> Verdict {
    judge("abrupt_death_is_noticed_while_blocked", async {
        let Meeting { client, mut server, guard: _guard, bounds } = meet(fixture).await?;
        server.fill(CONTROL, 15_000).await?;
        let dying = tokio::spawn(async move { write_to_the_end(&mut server).await });
        tokio::task::yield_now().await;
        drop(client);
        let what = "a blocked end to see that its peer vanished";
        joined_within(bounds.patience, what, dying).await
    })
    .await
}

/// Both ends notice that the network between them broke, where the fixture has
/// [reins](crate::Reins).
pub async fn a_cut_network_is_noticed(fixture: &dyn Fixture) -> Verdict {
    judge("a_cut_network_is_noticed", async {
        let Some((meeting, reins)) = meet_reined(fixture).await else { return Ok(()) };
        let Meeting { mut client, mut server, guard: _guard, .. } = meeting;
        let both = [
            tokio::spawn(async move { client.receive_end().await }),
            tokio::spawn(async move { server.receive_end().await }),
        ];
        tokio::task::yield_now().await;
        reins.cut();
        for end in both {
            is_death(&joined(end).await??)?;
        }
        Ok(())
    })
    .await
}

async fn joined_within(
    patience: std::time::Duration,
    what: &str,
    task: tokio::task::JoinHandle<()>,
) -> Seen<()> {
    within(patience, what, joined(task)).await?
}

/// Sends small packets until the link says that it has ended.
async fn write_to_the_end(end: &mut End) {
    let packet = packet(0, 100, false);
    while end.send(CONTROL, &packet).await.is_ok() {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
}

fn is_death(end: &LinkError) -> Seen<()> {
    let in_good_order = matches!(end, LinkError::Closed(_) | LinkError::ClosedHere);
    ensure!(!in_good_order, "a peer that vanished was told as {end:?}");
    Ok(())
}
