//! The link is closed in good order.

use transport_api::{Channel, CloseCode, CloseReason, Link, LinkError, Packet};

use crate::end::End;
use crate::meeting::{Meeting, joined, meet};
use crate::packets::{packet, varied};
use crate::verdict::{Seen, Verdict, ensure, judge};
use crate::{CloseReasons, Fixture};

const CONTROL: Channel = Channel::Control;

/// Code and text of a close reason arrive, up to the longest text, from either end; a transport
/// without words for it ends the link.
pub async fn close_reasons_arrive(fixture: &dyn Fixture) -> Verdict {
    use CloseCode::{GoingAway, Internal, Normal, Protocol, Refused, TooLarge};
    judge("close_reasons_arrive", async {
        for code in [Normal, GoingAway, Protocol, TooLarge, Refused, Internal] {
            let Meeting { client, server, guard: _guard, bounds } = meet(fixture).await?;
            let reason = CloseReason::new(code, "ä sentence for people");
            let (closing, reading) =
                if code == Normal { (client, server) } else { (server, client) };
            let end = close_and_read(closing, reading, reason.clone()).await?.1;
            check_reason(&end, &reason, bounds.close_reasons)?;
        }
        let Meeting { client, server, guard: _guard, bounds } = meet(fixture).await?;
        let longest = CloseReason::new(Refused, "x".repeat(CloseReason::TEXT_BYTES_MAX));
        let end = close_and_read(server, client, longest.clone()).await?.1;
        check_reason(&end, &longest, bounds.close_reasons)
    })
    .await
}

/// What was taken before the close arrives before it, also what was held back.
pub async fn what_was_taken_before_the_close_arrives(fixture: &dyn Fixture) -> Verdict {
    judge("what_was_taken_before_the_close_arrives", async {
        let Meeting { mut client, mut server, guard: _guard, .. } = meet(fixture).await?;
        let few = varied(50, 2000);
        client.send_all(CONTROL, &few).await?;
        let (reading, _) = close_and_read(client, server, normal()).await?;
        reading.check_heard(CONTROL, &few)?;
        drop(reading);

        let Meeting { mut client, server: other, guard: _guard, .. } = meet(fixture).await?;
        server = other;
        let many = client.fill(CONTROL, 15_000).await?;
        let (reading, _) = close_and_read(client, server, normal()).await?;
        reading.check_heard(CONTROL, &many)
    })
    .await
}

/// An end that closed says so: nothing is taken or received any more, and closing twice is harmless.
pub async fn a_closed_end_says_so(fixture: &dyn Fixture) -> Verdict {
    judge("a_closed_end_says_so", async {
        let Meeting { mut client, mut server, guard: _guard, .. } = meet(fixture).await?;
        let reading = tokio::spawn(async move { server.receive_end().await });
        client.close(normal()).await?;
        let sent = try_send(client.link.as_mut());
        ensure!(matches!(sent, Err(LinkError::ClosedHere)), "after close() sending says {sent:?}");
        let end = client.receive_end().await?;
        ensure!(matches!(end, LinkError::ClosedHere), "after close() receiving says {end:?}");
        client.close(normal()).await?;
        joined(reading).await?.map(drop)
    })
    .await
}

fn try_send(link: &mut dyn Link) -> Result<transport_api::Sent, LinkError> {
    link.try_send(CONTROL, Packet::lent(&packet(0, 10, false)))
}

fn normal() -> CloseReason {
    CloseReason::new(CloseCode::Normal, "done")
}

/// Closes one end while the other reads; returns the reading end and how the link ended there.
async fn close_and_read(
    mut closing: End,
    mut reading: End,
    reason: CloseReason,
) -> Seen<(End, LinkError)> {
    let closed = tokio::spawn(async move { closing.close(reason).await });
    let read = tokio::spawn(async move {
        let end = reading.receive_end().await;
        end.map(|end| (reading, end))
    });
    let read = joined(read).await?;
    joined(closed).await??;
    read
}

fn check_reason(end: &LinkError, sent: &CloseReason, words: CloseReasons) -> Seen<()> {
    match (end, words) {
        (LinkError::Closed(heard), CloseReasons::Carried) => {
            ensure!(heard == sent, "closed with {sent:?}, the peer heard {heard:?}");
        }
        (_, CloseReasons::Wordless) => {}
        (other, CloseReasons::Carried) => {
            return Err(format!("closed with {sent:?}, the peer saw {other:?}"));
        }
    }
    Ok(())
}
