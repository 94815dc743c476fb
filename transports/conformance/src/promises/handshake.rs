//! How links come to be, and who is turned away.

use transport_api::{ConnectError, HandshakeError, Listener, Subprotocol};

use crate::meeting::{BINARY, TEXT, joined, meet, meet_at};
use crate::verdict::{Seen, Verdict, ensure, judge, within};
use crate::{Bounds, Fixture, Place, Stranger};

/// Strangers at a time.
const STRANGERS: usize = 16;

/// A language that no listener here speaks.
const FOREIGN: Subprotocol =
    Subprotocol { family: "broker", version: 9, codec: "morse", text: false };

/// Both ends agree on what the link is.
pub async fn both_ends_agree_on_the_link(fixture: &dyn Fixture) -> Verdict {
    judge("both_ends_agree_on_the_link", async {
        let meeting = meet(fixture).await?;
        let (client, server) = (meeting.client.link.properties(), meeting.server.link.properties());
        ensure!(client.subprotocol == BINARY, "the client speaks {:?}", client.subprotocol);
        ensure!(server.subprotocol == BINARY, "the server speaks {:?}", server.subprotocol);
        let (one, other) = (client.transport, server.transport);
        ensure!(one == other, "the client is on {one}, the server on {other}");
        let (one, other) = (client.framing, server.framing);
        ensure!(one == other, "the client has {one:?}, the server {other:?}");
        let (one, other) = (client.lanes, server.lanes);
        ensure!(one == other, "the client has lanes {one:?}, the server {other:?}");
        Ok(())
    })
    .await
}

/// A client that speaks nothing of what the listener speaks is refused at both ends, with a reason.
pub async fn a_wrong_subprotocol_is_refused_with_a_reason(fixture: &dyn Fixture) -> Verdict {
    judge("a_wrong_subprotocol_is_refused_with_a_reason", async {
        let bounds = fixture.bounds();
        let Place { mut listener, connector, url } = fixture.listen(&[BINARY]).await;
        let both =
            async { tokio::join!(connector.connect(&url, &[FOREIGN]), shake(listener.as_mut())) };
        let (client, server) = within(bounds.patience, "a refusal", both).await?;
        match client.map(drop) {
            Err(ConnectError::Refused { reason, .. }) if !reason.is_empty() => {}
            other => return Err(format!("the client was told {other:?}")),
        }
        match server {
            Err(HandshakeError::Refused { reason }) if !reason.is_empty() => Ok(()),
            other => Err(format!("the server was told {other:?}")),
        }
    })
    .await
}

/// The first of what the client offers that the listener speaks is agreed on.
pub async fn the_first_common_subprotocol_is_agreed_on(fixture: &dyn Fixture) -> Verdict {
    judge("the_first_common_subprotocol_is_agreed_on", async {
        agree(fixture, &[BINARY, TEXT], &[TEXT, BINARY], TEXT).await?;
        agree(fixture, &[TEXT], &[FOREIGN, TEXT, BINARY], TEXT).await
    })
    .await
}

async fn agree(
    fixture: &dyn Fixture,
    spoken: &[Subprotocol],
    offered: &[Subprotocol],
    expected: Subprotocol,
) -> Seen<()> {
    let bounds = fixture.bounds();
    let Place { mut listener, connector, url } = fixture.listen(spoken).await;
    // A connector may come again for each that it offers, so several may be turned away first.
    let serving = tokio::spawn(async move {
        loop {
            if let Ok(agreed) = shake(listener.as_mut()).await {
                return (agreed, listener);
            }
        }
    });
    let opening = connector.connect(&url, offered);
    let link = within(bounds.patience, "a link to open", opening).await?;
    let link = link.map_err(|error| format!("offered {offered:?} of {spoken:?}: {error}"))?;
    let client = link.properties().subprotocol;
    let (server, _listener) =
        within(bounds.patience, "the handshake to end", joined(serving)).await??;
    ensure!(
        client == expected && server == expected,
        "offered {offered:?} to one who speaks {spoken:?}, the client speaks {client:?} and the \
         server {server:?}"
    );
    Ok(())
}

async fn shake(listener: &mut dyn Listener) -> Result<Subprotocol, HandshakeError> {
    let incoming = listener.accept().await.expect("a listener in use accepts");
    let link = incoming.handshake().await?;
    let agreed = link.properties().subprotocol;
    // Held until the client has what it needs; the check ends right after.
    tokio::spawn(async move {
        let _link = link;
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    });
    Ok(agreed)
}

/// Sockets that connect and say nothing hinder nobody; where the fixture has
/// [strangers](Fixture::stranger).
pub async fn slow_handshakes_hinder_nobody(fixture: &dyn Fixture) -> Verdict {
    judge("slow_handshakes_hinder_nobody", strangers(fixture, Stranger::Silent)).await
}

/// Garbage instead of a handshake harms nobody but who sends it; where the fixture has
/// [strangers](Fixture::stranger).
pub async fn garbage_handshakes_harm_nobody(fixture: &dyn Fixture) -> Verdict {
    judge("garbage_handshakes_harm_nobody", strangers(fixture, Stranger::Garbage)).await
}

async fn strangers(fixture: &dyn Fixture, stranger: Stranger) -> Seen<()> {
    let bounds = fixture.bounds();
    let Place { mut listener, connector, url } = fixture.listen(&[BINARY]).await;
    let mut guards = Vec::new();
    for _ in 0..STRANGERS {
        let Some(guard) = fixture.stranger(&url, stranger) else { return Ok(()) };
        guards.push(guard.await);
    }
    let serving = tokio::spawn(async move {
        let mut links = tokio::task::JoinSet::new();
        loop {
            tokio::select! {
                incoming = listener.accept() => {
                    links.spawn(incoming.expect("it listens").handshake());
                }
                Some(ended) = links.join_next() => {
                    if let Ok(Ok(link)) = ended {
                        return (link, listener, links);
                    }
                }
            }
        }
    });
    let opening = connector.connect(&url, &[BINARY]);
    let what = format!("a good client to get in beside {STRANGERS} {stranger:?} ones");
    let client = within(bounds.patience, &what, opening).await?;
    let client = client.map_err(|error| format!("beside {stranger:?} strangers: {error}"))?;
    let (server, ..) = within(bounds.patience, &what, joined(serving)).await??;
    greet(client, server, bounds).await
}

/// Lets one packet travel.
async fn greet(
    client: Box<dyn transport_api::Link>,
    server: Box<dyn transport_api::Link>,
    bounds: Bounds,
) -> Seen<()> {
    let client = crate::end::End::new("the client", client, bounds.clone());
    let server = crate::end::End::new("the server", server, bounds);
    super::order::carry(client, server, crate::packets::varied(3, 100)).await.map(drop)
}

/// A peer that was accepted and whose handshake nobody does yet hinders no other.
pub async fn a_handshake_that_waits_hinders_nobody(fixture: &dyn Fixture) -> Verdict {
    judge("a_handshake_that_waits_hinders_nobody", async {
        let bounds = fixture.bounds();
        let mut place = fixture.listen(&[BINARY]).await;
        let url = place.url.clone();
        let Place { listener, connector, .. } = &mut place;
        let mut early = connector.connect(&url, &[BINARY]);
        let incoming = tokio::select! {
            incoming = listener.accept() => incoming.map_err(|error| error.to_string())?,
            _ = &mut early => return Err("a link was open before its handshake".to_owned()),
            () = tokio::time::sleep(bounds.patience) => {
                return Err("a peer was not accepted".to_owned());
            }
        };
        drop(early);
        let (client, server) = meet_at(&mut place, &[BINARY], &bounds).await?;
        greet(client.link, server.link, bounds).await?;
        drop(incoming);
        Ok(())
    })
    .await
}
