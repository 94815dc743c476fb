//! `broker request` and `broker reply`.

use crate::support::{Broker, Ended, Running, run};

fn broker() -> Broker {
    Broker::start(&["--listen", "ws://127.0.0.1:0"])
}

fn reply(broker: &Broker, arguments: &[&str]) -> Running {
    let connection = ["--url", broker.url("ws")];
    Running::start(&[&["reply", "service"], arguments, &connection].concat(), "serving service")
}

fn request(broker: &Broker, arguments: &[&str]) -> Ended {
    run(&[&["request", "service"], arguments, &["--url", broker.url("ws")]].concat())
}

#[test]
fn the_answer_is_printed() {
    let broker = broker();
    for (answer, printed) in [
        (&["--text", "ok"][..], "ok\n"),
        (&["--echo"], "a b\n"),
        (&["--exec", "tr a-z A-Z"], "A B\n"),
        (&["--exec", "printf %s $BROKER_TOPIC"], "service\n"),
    ] {
        let _serving = reply(&broker, answer);
        let ended = request(&broker, &["a b"]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), printed), "{ended:?}");
    }
}

#[test]
fn an_answer_in_json_names_who_gave_it() {
    let broker = broker();
    let _serving = reply(&broker, &["--text", "ok", "--name", "bob"]);
    let ended = request(&broker, &["--format", "json"]);
    let line: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((&line["type"], &line["from"]), (&"reply".into(), &"bob".into()));
    assert_eq!(line["text"], "ok");
}

#[test]
fn nobody_who_serves_it_ends_with_5_at_once() {
    let broker = broker();
    let ended = request(&broker, &["--timeout", "1h"]);
    assert_eq!(ended.code, Some(5), "{ended:?}");
    assert!(ended.stderr.contains("broker reply"), "{ended:?}");
}

#[test]
fn an_answer_that_doesnt_come_in_time_ends_with_4() {
    let broker = broker();
    let _serving = reply(&broker, &["--exec", "sleep 10"]);
    let ended = request(&broker, &["--timeout", "100ms"]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
}

#[test]
fn a_command_that_fails_is_told_to_the_asker() {
    let broker = broker();
    let _serving = reply(&broker, &["--exec", "exit 7"]);
    let ended = request(&broker, &[]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("exit status: 7"), "{ended:?}");
}

#[test]
fn serving_ends_well_on_a_signal() {
    let broker = broker();
    let serving = reply(&broker, &["--echo"]);
    serving.signal("TERM");
    assert_eq!(serving.wait().code, Some(0));
}
