//! `broker sessions`.

use crate::support::{Broker, Ended, Running, run};

fn sessions(broker: &Broker, arguments: &[&str]) -> Ended {
    run(&[&["sessions"], arguments, &["--url", broker.url("ws")]].concat())
}

/// A client that stays.
fn subscriber(broker: &Broker, name: &str) -> Running {
    let arguments = ["sub", "feed.>", "--name", name, "--verbose", "--url", broker.url("ws")];
    Running::start(&arguments, "subscribed")
}

#[test]
fn everybody_who_is_connected_stands_in_a_table() {
    let broker = Broker::start(&["--listen", "ws://127.0.0.1:0"]);
    let _stays = subscriber(&broker, "web.anna");
    let ended = sessions(&broker, &["--sort", "name", "--name", "an.operator"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(lines[0], "2 of 2 shown; 2 sessions, 2 connected, 0 behind");
    assert!(lines[1].starts_with("NAME "), "{ended:?}");
    assert!(lines[2].starts_with("an.operator "), "{ended:?}");
    let anna = lines.iter().find(|line| line.starts_with("web.anna ")).expect("she is there");
    assert!(anna.contains("ws bincode 127.0.0.1:"), "{anna}");
}

#[test]
fn lines_of_json_hold_one_session_each_and_a_prefix_chooses() {
    let broker = Broker::start(&["--listen", "ws://127.0.0.1:0"]);
    let _stays = [subscriber(&broker, "web.anna"), subscriber(&broker, "web.bob")];
    let ended = sessions(&broker, &["web.", "--sort", "name", "--json"]);
    let lines = ended.stdout.lines().map(serde_json::from_str::<serde_json::Value>);
    let lines: Vec<_> = lines.map(|line| line.expect("each line is JSON")).collect();
    let names: Vec<_> = lines.iter().map(|line| line["name"].as_str().unwrap_or("?")).collect();
    assert_eq!(names, ["web.anna", "web.bob"], "{ended:?}");
    assert_eq!(lines[0]["lanes"][0]["lane"], 0);
    let ended = sessions(&broker, &["web.", "--sort", "name", "--json", "--limit", "1"]);
    assert_eq!(ended.stdout.lines().count(), 1, "{ended:?}");
}

#[test]
fn a_broker_that_is_told_to_keep_silent_says_which_setting_that_is() {
    let broker =
        Broker::start(&["--listen", "ws://127.0.0.1:0", "--set", "server.inspection=false"]);
    let ended = sessions(&broker, &[]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("server.inspection"), "{ended:?}");
}

#[test]
fn more_than_a_thousand_sessions_cannot_be_asked_for() {
    for (limit, code) in [("1000", 3), ("1001", 2)] {
        let ended = run(&["sessions", "--limit", limit, "--url", "ws://127.0.0.1:1"]);
        assert_eq!(ended.code, Some(code), "{limit}: {ended:?}");
    }
}
