//! `broker topics`.

use crate::support::{Broker, Ended, run};

fn topics(broker: &Broker, arguments: &[&str]) -> Ended {
    run(&[&["topics"], arguments, &["--url", broker.url("ws")]].concat())
}

fn publish(broker: &Broker, topic: &str) {
    let ended = run(&["pub", topic, "x", "--url", broker.url("ws")]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn what_was_published_stands_in_a_table() {
    let broker = Broker::start(&["--listen", "ws://127.0.0.1:0"]);
    ["feed.a", "feed.b", "feed.b"].iter().for_each(|topic| publish(&broker, topic));
    let ended = topics(&broker, &[]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(lines[0], "2 of 2 shown; 2 topics");
    assert!(lines[1].starts_with("TOPIC ") && lines[2].starts_with("feed.b "), "{ended:?}");
}

#[test]
fn lines_of_json_hold_one_topic_each_and_a_prefix_chooses() {
    let broker = Broker::start(&["--listen", "ws://127.0.0.1:0"]);
    ["feed.a", "feed.b", "other"].iter().for_each(|topic| publish(&broker, topic));
    let ended = topics(&broker, &["feed.", "--sort", "name", "--json"]);
    let lines = ended.stdout.lines().map(serde_json::from_str::<serde_json::Value>);
    let lines: Vec<_> = lines.map(|line| line.expect("each line is JSON")).collect();
    let names: Vec<_> = lines.iter().map(|line| line["topic"].as_str().unwrap_or("?")).collect();
    assert_eq!(names, ["feed.a", "feed.b"], "{ended:?}");
    assert_eq!(lines[0]["published"], 1);
}

#[test]
fn a_broker_that_is_told_to_keep_silent_tells_of_no_topics() {
    let broker =
        Broker::start(&["--listen", "ws://127.0.0.1:0", "--set", "server.inspection=false"]);
    let ended = topics(&broker, &[]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("server.inspection"), "{ended:?}");
}
