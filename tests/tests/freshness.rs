//! What a lane that keeps the newest delivers is as new as its link allows.

#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use std::time::Duration;

use broker_tests::Transport;
use broker_tests::freshness::{Kept, Load, measure};

/// Short, and long enough that what was sent before anything was measured (64 KiB) has arrived, and
/// who keeps all is behind by seconds.
const LOAD: Load = Load {
    keys: 100,
    per_second: 2_000,
    payload_bytes: 200,
    bytes_per_second: 20_000,
    warm_up: Duration::from_secs(5),
    measured: Duration::from_secs(3),
};

broker_tests::over_transport!(ws WebSocket: who_keeps_the_newest_gets_it_much_sooner);
broker_tests::over_transport!(wss SecureWebSocket: who_keeps_the_newest_gets_it_much_sooner);
broker_tests::over_transport!(unix Unix: who_keeps_the_newest_gets_it_much_sooner);
broker_tests::over_transport!(quic Quic: who_keeps_the_newest_gets_it_much_sooner);

async fn who_keeps_the_newest_gets_it_much_sooner(over: Transport) {
    let (newest, all) =
        tokio::join!(measure(over, Kept::Latest, LOAD), measure(over, Kept::All, LOAD));
    let (newest, all) = (newest.unwrap(), all.unwrap());
    let ages = format!(
        "newest: {} values, {:?} and {:?}; all: {} values, {:?}",
        newest.count(),
        newest.quantile(0.5),
        newest.quantile(0.99),
        all.count(),
        all.quantile(0.5),
    );
    // A link that stands still half of the time carries half of that.
    let carried = f64::from(LOAD.bytes_per_second) * LOAD.measured.as_secs_f64();
    let values = carried / (LOAD.payload_bytes as f64 + 50.0);
    assert!(newest.count() as f64 > values / 2.0, "the link is used; {ages}");
    assert!(all.quantile(0.5) > 2 * newest.quantile(0.99), "{ages}");
}
