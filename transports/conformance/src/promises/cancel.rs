//! Futures and polls are dropped at every point, and nothing is lost.

use std::future::poll_fn;
use std::task::Poll;

use tokio::task::yield_now;
use transport_api::{BoxFuture, Channel};

use crate::end::total;
use crate::meeting::{BINARY, Meeting, joined, meet, meet_at};
use crate::packets::varied;
use crate::verdict::{Verdict, ensure, judge, within};
use crate::{Fixture, Place};

const CONTROL: Channel = Channel::Control;
const PEERS: usize = 8;

/// Dropping the future of `accept`, again and again, loses no peer.
pub async fn accept_given_up_loses_no_peer(fixture: &dyn Fixture) -> Verdict {
    judge("accept_given_up_loses_no_peer", async {
        let bounds = fixture.bounds();
        let Place { mut listener, connector, url } = fixture.listen(&[BINARY]).await;
        let connecting = tokio::spawn(async move {
            let mut links = Vec::new();
            for _ in 0..PEERS {
                links.push(connector.connect(&url, &[BINARY]).await.map_err(|e| e.to_string())?);
            }
            Ok::<_, String>(links)
        });
        let mut accepted = Vec::new();
        let accepting = async {
            while accepted.len() < PEERS {
                // Polled once and dropped: whoever came between two polls must still be there.
                if let Some(incoming) = poll_once(&mut listener.accept()).await {
                    let incoming = incoming.map_err(|error| error.to_string())?;
                    let link = incoming.handshake().await.map_err(|error| error.to_string())?;
                    accepted.push(link);
                }
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
            Ok::<_, String>(())
        };
        let what = format!("{PEERS} peers to be accepted by futures that were given up");
        within(bounds.patience, what, accepting).await??;
        joined(connecting).await?.map(drop)
    })
    .await
}

/// A connection attempt that is given up at any point harms nobody who comes later.
pub async fn connecting_given_up_harms_nobody(fixture: &dyn Fixture) -> Verdict {
    judge("connecting_given_up_harms_nobody", async {
        let bounds = fixture.bounds();
        let place = fixture.listen(&[BINARY]).await;
        for polls in 0..6 {
            let mut attempt = place.connector.connect(&place.url, &[BINARY]);
            for _ in 0..polls {
                if poll_once(&mut attempt).await.is_some() {
                    break;
                }
                yield_now().await;
            }
        }
        let Place { mut listener, connector, url } = place;
        let good = tokio::spawn(async move {
            let link = connector.connect(&url, &[BINARY]).await;
            (connector, url, link)
        });
        // Those who gave up may come first; their handshakes end by themselves.
        let mut handshakes = Vec::new();
        let serving = tokio::spawn(async move {
            while let Ok(incoming) = listener.accept().await {
                handshakes.push(tokio::spawn(incoming.handshake()));
            }
        });
        let what = "a link to open after others had given up";
        let (connector, url, link) = within(bounds.patience, what, joined(good)).await??;
        serving.abort();
        drop((connector, url));
        link.map(drop).map_err(|error| format!("after others had given up: {error}"))
    })
    .await
}

/// A sink that pauses after each piece loses nothing and gets pieces one at a time.
pub async fn a_pausing_sink_loses_nothing(fixture: &dyn Fixture) -> Verdict {
    judge("a_pausing_sink_loses_nothing", async {
        let Meeting { mut client, mut server, guard: _guard, bounds } = meet(fixture).await?;
        let sent = varied(300, 3000);
        let expected = sent.clone();
        let sending = tokio::spawn(async move {
            let result = client.send_all(CONTROL, &sent).await;
            (client, result)
        });
        while server.heard.bytes() < total(&expected) {
            let before = server.heard.pieces(CONTROL).len();
            let heard = server.heard.bytes();
            let what = format!("more than {heard} bytes with a sink that pauses");
            let received =
                within(bounds.patience, what, poll_fn(|cx| server.poll_receive_one(cx))).await?;
            received.map_err(|error| format!("the link ended: {error}"))?;
            let pieces = server.heard.pieces(CONTROL).len() - before;
            ensure!(pieces <= 1, "a sink that paused was handed {pieces} pieces in one poll");
        }
        joined(sending).await?.1?;
        server.check_heard(CONTROL, &expected)
    })
    .await
}

/// Polls that are given up while the link is blocked lose and double nothing.
pub async fn polls_given_up_lose_nothing(fixture: &dyn Fixture) -> Verdict {
    judge("polls_given_up_lose_nothing", async {
        let Meeting { mut client, mut server, guard: _guard, .. } = meet(fixture).await?;
        let sent = client.fill(CONTROL, 15_000).await?;
        let mut given_up = 0;
        while server.heard.bytes() < total(&sent) && given_up < 10_000 {
            for _ in 0..3 {
                // Polled once each, and not again before the next round.
                poll_fn(|cx| {
                    let _ = client.link.poll_writable(cx);
                    let _ = server.poll_receive_one(cx);
                    Poll::Ready(())
                })
                .await;
            }
            given_up += 1;
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        client.flush_while_receiving().await?;
        server.receive_bytes(total(&sent)).await?;
        server.check_heard(CONTROL, &sent)?;
        let unsent = client.link.unsent();
        ensure!(unsent == 0, "everything arrived and {unsent} bytes are said to be unsent");
        Ok(())
    })
    .await
}

/// Polls a future once.
async fn poll_once<T>(future: &mut BoxFuture<'_, T>) -> Option<T> {
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

/// Two links of one listener don't touch each other: one that ends leaves the other as it was.
pub async fn links_are_independent(fixture: &dyn Fixture) -> Verdict {
    judge("links_are_independent", async {
        let bounds = fixture.bounds();
        let mut place = fixture.listen(&[BINARY]).await;
        let (first, first_server) = meet_at(&mut place, &[BINARY], &bounds).await?;
        let (mut second, mut second_server) = meet_at(&mut place, &[BINARY], &bounds).await?;
        drop((first, first_server));
        let sent = varied(10, 500);
        second.send_all(CONTROL, &sent).await?;
        second_server.receive_bytes(total(&sent)).await?;
        second_server.check_heard(CONTROL, &sent)
    })
    .await
}
