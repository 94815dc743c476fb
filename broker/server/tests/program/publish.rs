//! `broker pub`.

use crate::support::{Broker, Running, run, run_with_environment, run_with_input};

fn broker() -> Broker {
    Broker::start(&["--listen", "ws://127.0.0.1:0"])
}

fn subscribe(broker: &Broker, count: &str, format: &str) -> Running {
    let arguments = ["sub", "a", "--count", count, "--format", format, "-N"];
    Running::start(&[&arguments[..], &["--url", broker.url("ws")]].concat(), "subscribed to")
}

#[test]
fn each_line_of_standard_input_becomes_a_message_in_order() {
    let broker = broker();
    let lines: Vec<_> = (1..=1000).map(|number| format!("line {number}")).collect();
    let subscribed = subscribe(&broker, "1000", "text");
    let input = format!("{}\r\n", lines.join("\n"));
    let ended =
        run_with_input(&["pub", "a", "--lines", "--url", broker.url("ws")], input.as_bytes());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let expected: String = lines.iter().map(|line| format!("a {line}\n")).collect();
    assert_eq!(subscribed.wait().stdout, expected);
}

#[test]
fn all_of_standard_input_can_be_one_message() {
    let broker = broker();
    let subscribed = subscribe(&broker, "1", "raw");
    let ended = run_with_input(&["pub", "a", "-", "--url", broker.url("ws")], b"two\nlines\n");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(subscribed.wait().stdout, "two\nlines\n");
}

#[test]
fn the_url_comes_from_the_environment_too() {
    let broker = broker();
    let ended = run_with_environment(&["pub", "a", "1"], &[("BROKER_URL", broker.url("ws"))]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn a_payload_above_the_limit_is_refused_with_the_limit() {
    let broker =
        Broker::start(&["--listen", "ws://127.0.0.1:0", "--set", "limits.payload_bytes_max=4"]);
    let publish = |payload| run(&["pub", "a", payload, "--url", broker.url("ws")]);
    assert_eq!(publish("1234").code, Some(0));
    let refused = publish("12345");
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("limit of 4"), "{refused:?}");
}

#[test]
fn what_cant_be_published_ends_with_2() {
    let broker = broker();
    for arguments in [
        &["pub", "a.*", "1"][..],
        &["pub", "$a", "1"],
        &["pub", "a", "{", "--content", "json"],
        &["pub", "a"],
        &["pub", "a", "1", "--lines"],
    ] {
        let ended = run(&[arguments, &["--url", broker.url("ws")]].concat());
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(!ended.stderr.is_empty(), "{ended:?}");
    }
}
