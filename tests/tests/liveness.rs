//! Signs of life: who is frozen is let go in time, who is only quiet stays.

#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use std::env;
use std::process::Stdio;
use std::time::Duration;

use broker::{Broker, Builder, Liveness, ShardConfig};
use broker_protocol::Codec::{Bincode, Json};
use broker_protocol::ErrorCode;
use broker_protocol::frame::{BrokerFrame, ClientFrame, Ping, Pong, Reconnect, Subscribe};
use broker_tests::{Client, PATIENCE, Place, Transport};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{Instant, timeout};
use transport_api::PingSupport;

broker_tests::over_every_transport!(
    who_answers_no_ping_is_let_go_in_time,
    who_is_quiet_and_answers_stays,
    the_broker_answers_pings_with_the_lag_of_each_lane,
);

const INTERVAL: Duration = Duration::from_millis(400);
const MISSES: u32 = 2;

/// Within how much of the last missed ping a frozen peer is released.
const MARGIN: Duration = Duration::from_secs(1);

fn watchful() -> Builder {
    let liveness = Liveness {
        ping_interval: INTERVAL,
        ping_interval_min: INTERVAL,
        ping_misses: MISSES,
        ..Liveness::default()
    };
    Broker::builder().config(ShardConfig { liveness, ..ShardConfig::default() })
}

/// A client that sees who is there, and answers pings while it waits.
async fn watcher(place: &Place) -> Client {
    let mut watcher = Client::connect(place, Bincode, "watcher").await;
    let watch = Subscribe { filter: "room".into(), presence: true, ..Subscribe::default() };
    watcher.subscribe_as(watch).await.unwrap();
    watcher
}

enum Seen {
    Ping,
    Joined(String),
    Left(String),
}

async fn wait_until(watcher: &mut Client, wanted: impl Fn(&Seen) -> bool) {
    loop {
        let seen = watcher.wait_for("presence", |heard| match &heard.frame {
            BrokerFrame::Ping(_) => Some(Seen::Ping),
            BrokerFrame::Presence(presence) if !presence.left.is_empty() => {
                Some(Seen::Left(presence.left.join(" ")))
            }
            BrokerFrame::Presence(presence) => Some(Seen::Joined(presence.joined.join(" "))),
            _ => None,
        });
        let seen = seen.await;
        if wanted(&seen) {
            return;
        }
        if matches!(seen, Seen::Ping) {
            watcher.send(&ClientFrame::Pong(Pong::default())).await;
        }
    }
}

async fn wait_until_it_left(watcher: &mut Client, name: &str) {
    wait_until(watcher, |seen| matches!(seen, Seen::Left(who) if who == name)).await;
}

async fn who_answers_no_ping_is_let_go_in_time(over: Transport) {
    let setting = over.start_with(watchful()).await.unwrap();
    let mut frozen = Client::connect(&setting.place, Json, "frozen").await;
    frozen.subscribe("room").await;
    let since = Instant::now();
    let mut watcher = watcher(&setting.place).await;
    wait_until_it_left(&mut watcher, "frozen").await;
    assert!(since.elapsed() < INTERVAL * MISSES + MARGIN, "after {:?}", since.elapsed());
    let word = frozen.disconnect().await;
    assert_eq!((word.code, word.reconnect), (ErrorCode::IdleTimeout, Reconnect::Now));
}

async fn who_is_quiet_and_answers_stays(over: Transport) {
    let setting = over.start_with(watchful()).await.unwrap();
    let mut quiet = Client::connect(&setting.place, Json, "quiet").await;
    assert_eq!(quiet.connected.ping_interval, INTERVAL.as_millis() as u64);
    match quiet.bare().link().properties().ping {
        // The link answers by itself while it is read.
        PingSupport::Native => {
            let ended = timeout(INTERVAL * (MISSES + 2), quiet.end()).await;
            assert!(ended.is_err(), "{ended:?}");
        }
        PingSupport::None => {
            for _ in 0..=MISSES {
                answer_ping(&mut quiet).await;
            }
        }
    }
    quiet.subscribe("room").await;
    quiet.expect_nothing_else("room").await;
}

async fn the_broker_answers_pings_with_the_lag_of_each_lane(over: Transport) {
    let setting = over.start().await.unwrap();
    let mut client = Client::connect(&setting.place, Json, "client").await;
    let other = Subscribe { filter: "room".into(), lane: Some(4), ..Subscribe::default() };
    client.subscribe_as(other).await.unwrap();
    client.send(&ClientFrame::Ping(Ping { mark: Some(77) })).await;
    let pong = client.wait_for("a pong", |heard| match &heard.frame {
        BrokerFrame::Pong(pong) => Some(pong.clone()),
        _ => None,
    });
    let pong = pong.await;
    assert_eq!(pong.mark, Some(77));
    let lanes: Vec<_> = pong.lag.iter().map(|lag| (lag.lane, lag.messages)).collect();
    assert_eq!(lanes, [(0, 0), (4, 0)]);
}

#[tokio::test]
async fn nobody_is_given_up_without_having_been_asked() {
    let liveness = Liveness {
        ping_interval: Duration::from_millis(100),
        ping_interval_min: Duration::from_millis(100),
        ping_misses: 1,
        ..Liveness::default()
    };
    let config = ShardConfig { liveness, ..ShardConfig::default() };
    let setting = Transport::Memory.start_with(Broker::builder().config(config)).await.unwrap();
    let mut quiet = Client::connect(&setting.place, Json, "quiet").await;
    for _ in 0..3 {
        answer_ping(&mut quiet).await;
    }
}

async fn answer_ping(client: &mut Client) {
    let ping = client.wait_for("a ping", |heard| match &heard.frame {
        BrokerFrame::Ping(ping) => Some(ping.clone()),
        _ => None,
    });
    let mark = ping.await.mark;
    client.send(&ClientFrame::Pong(Pong { mark, lag: Vec::new() })).await;
}

#[tokio::test]
async fn a_frozen_link_is_let_go_in_time_and_its_place_is_free() {
    let setting = Transport::Memory.start_with(watchful().connections_max(2)).await.unwrap();
    let mut frozen = Client::connect(&setting.place, Bincode, "frozen").await;
    frozen.subscribe("room").await;
    let since = Instant::now();
    setting.place.network.as_ref().unwrap().links()[0].freeze();
    let mut watcher = watcher(&setting.place).await;
    wait_until_it_left(&mut watcher, "frozen").await;
    while !Client::is_let_in(&setting.place).await {
        assert!(since.elapsed() < INTERVAL * MISSES + MARGIN, "its place is still taken");
    }
    assert!(since.elapsed() < INTERVAL * MISSES + MARGIN, "after {:?}", since.elapsed());
}

/// The URL that the process to be frozen connects to.
const URL: &str = "BROKER_TESTS_URL";

#[tokio::test]
async fn a_process_that_is_stopped_is_let_go_in_time() {
    let setting = Transport::WebSocket.start_with(watchful()).await.unwrap();
    let mut watcher = watcher(&setting.place).await;
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--ignored", "--exact", "the_process_that_is_stopped"])
        .env(URL, &setting.place.url)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    drain_output(&mut child);
    wait_until(&mut watcher, |seen| matches!(seen, Seen::Joined(who) if who == "stopped")).await;
    stop(&child).await;
    let since = Instant::now();
    wait_until_it_left(&mut watcher, "stopped").await;
    assert!(since.elapsed() < INTERVAL * MISSES + MARGIN, "after {:?}", since.elapsed());
    child.kill().await.unwrap();
}

fn drain_output(child: &mut Child) {
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
}

/// Stops a process, as Ctrl-Z does.
async fn stop(child: &Child) {
    let pid = child.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-STOP", &pid]).status().await.unwrap().success());
}

#[tokio::test]
#[ignore = "it is the other process of `a_process_that_is_stopped_is_let_go_in_time`"]
async fn the_process_that_is_stopped() {
    let Ok(url) = env::var(URL) else { return };
    let place = Transport::WebSocket.place_at(url, None);
    let mut client = Client::connect(&place, Bincode, "stopped").await;
    client.subscribe("room").await;
    // Whoever started it ends it; without that it ends by itself.
    let _ = timeout(PATIENCE, client.end()).await;
}
