//! Lanes with a minimum interval: a fast client gets each key as often as it wished and no more, and
//! its last value.

#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use broker_protocol::Codec::{Bincode, Json};
use broker_protocol::frame::{GapReason, Keep, LaneOptions, Subscribe};
use broker_tests::{Client, Transport};

broker_tests::over_every_transport!(
    a_fast_client_gets_each_key_once_in_an_interval_and_its_last_value,
);

const INTERVAL: Duration = Duration::from_millis(200);
const MESSAGES: u64 = 300;
const KEYS: u64 = 3;

async fn a_fast_client_gets_each_key_once_in_an_interval_and_its_last_value(over: Transport) {
    let setting = over.start().await.unwrap();
    for codec in [Bincode, Json] {
        let base = codec.name();
        let mut reader = Client::connect(&setting.place, codec, "reader").await;
        let options = LaneOptions {
            keep: Some(Keep::Latest(1)),
            min_interval: Some(INTERVAL.as_millis() as u64),
            ..LaneOptions::default()
        };
        let (filter, options) = (format!("{base}.>"), Some(options));
        let subscribe = Subscribe { filter, lane: Some(1), options, ..Subscribe::default() };
        let granted = reader.subscribe_as(subscribe).await.unwrap().granted.unwrap();
        assert_eq!(granted.min_interval, Some(200));
        let mut publisher = Client::connect(&setting.place, Bincode, "publisher").await;
        let began = Instant::now();
        for number in 0..MESSAGES {
            let topic = format!("{base}.{}", number % KEYS);
            publisher.publish_acked(&topic, number.to_string()).await.unwrap();
        }
        let (mut accounted, mut received) = (0, BTreeMap::<String, Vec<u64>>::new());
        while accounted < MESSAGES {
            match reader.message_or_gap().await {
                Ok(message) => {
                    let number = std::str::from_utf8(&message.body.payload).unwrap();
                    let numbers = received.entry(message.topic.to_string()).or_default();
                    numbers.push(number.parse().unwrap());
                    accounted += 1;
                }
                Err(gap) => {
                    assert_eq!(gap.reason, GapReason::Conflated);
                    accounted += gap.count;
                }
            }
        }
        let intervals = began.elapsed().as_millis() / INTERVAL.as_millis();
        for (key, numbers) in received.values().enumerate() {
            assert!(numbers.len() as u128 <= intervals + 1, "{numbers:?} in {intervals} intervals");
            assert_eq!(numbers[0], key as u64, "the first isn't delayed");
            assert_eq!(*numbers.last().unwrap(), MESSAGES - KEYS + key as u64);
        }
    }
    let summary = setting.running.shutdown().await.shards;
    assert!(summary.conflated > MESSAGES, "most were held back: {}", summary.conflated);
}
