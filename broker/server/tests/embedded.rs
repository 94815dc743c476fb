//! A broker inside the caller's thread.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::future::{Future, poll_fn};
use std::task::{Context, Poll};
use std::time::Duration;

use broker::{Broker, Running, SUBPROTOCOLS};
use tokio::task::LocalSet;
use tokio::time::timeout;
use transport_api::{Connector as _, Link, LinkError, Received};
use transport_memory::Network;

/// Much longer than a broker may take to let go of a link.
const SOON: Duration = Duration::from_secs(5);

/// Runs a scenario with a broker.
fn with_broker<F: Future<Output = ()>>(scenario: impl FnOnce(Network, Running) -> F) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, async {
        let network = Network::new(1);
        let listener = network.listen("broker", &SUBPROTOCOLS).unwrap();
        let builder = Broker::builder().listen(move || Ok(Box::new(listener)));
        scenario(network, builder.start_local().await.unwrap()).await;
    });
}

async fn connect(network: &Network) -> Box<dyn Link> {
    network.connector().connect("memory://broker", &SUBPROTOCOLS).await.unwrap()
}

/// Waits until a link has ended.
async fn end_of(mut link: Box<dyn Link>) -> LinkError {
    poll_fn(|cx| poll_end(&mut *link, cx)).await
}

fn poll_end(link: &mut dyn Link, cx: &mut Context<'_>) -> Poll<LinkError> {
    let mut buffer = [0; 1024];
    loop {
        match link.poll_receive(cx, &mut buffer, &mut |_: Received<'_>| true) {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) => return Poll::Ready(error),
            Poll::Pending => return Poll::Pending,
        }
    }
}

#[test]
fn a_broker_that_is_dropped_lets_go_of_its_links() {
    with_broker(async |network, running| {
        let link = connect(&network).await;
        drop(running);
        timeout(SOON, end_of(link)).await.expect("the link ends with the broker");
    });
}

#[test]
fn a_broker_that_is_shut_down_lets_go_of_its_links() {
    with_broker(async |network, running| {
        let link = connect(&network).await;
        running.shutdown().await;
        timeout(SOON, end_of(link)).await.expect("the link ends with the broker");
    });
}
