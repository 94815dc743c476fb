//! Two ends that have met.

use tokio::task::JoinHandle;
use transport_api::{Connector, Link, Listener, Subprotocol};

use crate::end::End;
use crate::verdict::{Seen, within};
use crate::{Bounds, Fixture, Guard, Place, Reined};

/// What most checks speak.
pub(crate) const BINARY: Subprotocol =
    Subprotocol { family: "broker", version: 1, codec: "bincode", text: false };

/// What the checks of text speak.
pub(crate) const TEXT: Subprotocol =
    Subprotocol { family: "broker", version: 1, codec: "json", text: true };

/// Two ends that have met, and what has to live as long.
pub(crate) struct Meeting {
    pub(crate) client: End,
    pub(crate) server: End,
    pub(crate) guard: Guard,
    pub(crate) bounds: Bounds,
}

/// Lets two ends meet over `spoken`.
pub(crate) async fn meet_over(fixture: &dyn Fixture, spoken: Subprotocol) -> Seen<Meeting> {
    let bounds = fixture.bounds();
    let mut place = fixture.listen(&[spoken]).await;
    let (client, server) = meet_at(&mut place, &[spoken], &bounds).await?;
    Ok(Meeting { client, server, guard: Guard::new(place), bounds })
}

/// Lets two ends meet.
pub(crate) async fn meet(fixture: &dyn Fixture) -> Seen<Meeting> {
    meet_over(fixture, BINARY).await
}

/// Lets two ends meet over a network with reins, where the fixture has such.
pub(crate) async fn meet_reined(fixture: &dyn Fixture) -> Option<(Meeting, Box<dyn crate::Reins>)> {
    let Reined { client, server, reins, guard } = fixture.reined_link()?.await;
    let bounds = fixture.bounds();
    let client = End::new("the client", client, bounds.clone());
    let server = End::new("the server", server, bounds.clone());
    Some((Meeting { client, server, guard, bounds }, reins))
}

/// Lets two ends meet at `place`.
pub(crate) async fn meet_at(
    place: &mut Place,
    offered: &[Subprotocol],
    bounds: &Bounds,
) -> Seen<(End, End)> {
    let Place { listener, connector, url } = place;
    let (client, server) = tokio::join!(
        connect(connector.as_ref(), url, offered, bounds),
        accept(listener.as_mut(), bounds)
    );
    let client = End::new("the client", client?, bounds.clone());
    let server = End::new("the server", server?, bounds.clone());
    Ok((client, server))
}

async fn connect(
    connector: &dyn Connector,
    url: &str,
    offered: &[Subprotocol],
    bounds: &Bounds,
) -> Seen<Box<dyn Link>> {
    let link = within(bounds.patience, "a link to open", connector.connect(url, offered)).await?;
    link.map_err(|error| format!("no link could be opened: {error}"))
}

async fn accept(listener: &mut dyn Listener, bounds: &Bounds) -> Seen<Box<dyn Link>> {
    let incoming = within(bounds.patience, "a peer to be accepted", listener.accept()).await?;
    let incoming = incoming.map_err(|error| error.to_string())?;
    let link = within(bounds.patience, "a handshake to end", incoming.handshake()).await?;
    link.map_err(|error| format!("the handshake of a good peer failed: {error}"))
}

/// Waits for one end's own task. Ends run in tasks of their own, so that one end's wake-up can't
/// stand in for a missing one of the other.
pub(crate) async fn joined<T>(task: JoinHandle<T>) -> Seen<T> {
    task.await.map_err(|error| format!("the transport panicked: {error}"))
}
