//! Serving, and what can be known without a broker.

use std::fs;

use crate::support::{Broker, run, run_with_environment};

#[test]
fn it_says_what_it_listens_on_and_stops_in_good_order_on_both_signals() {
    for signal in ["INT", "TERM"] {
        let broker = Broker::start(&["--listen", "ws://127.0.0.1:0"]);
        assert!(broker.greeting.contains("built-in defaults"), "{}", broker.greeting);
        assert!(broker.url("ws").starts_with("ws://127.0.0.1:"), "{}", broker.greeting);
        let line_to_try = format!("try: broker sub '>' --url {}\n", broker.url("ws"));
        assert!(broker.greeting.contains(&line_to_try), "{}", broker.greeting);
        let ended = broker.signal_and_wait(signal);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.stdout.contains("stopped: 0 sessions"), "{ended:?}");
    }
}

#[test]
fn an_encrypted_listener_prints_the_same_fingerprint_at_every_start() {
    let directory = tempfile::tempdir().unwrap();
    let data = format!("server.data_directory={}", directory.path().display());
    let fingerprint = || {
        let broker = Broker::start(&["--listen", "quic://127.0.0.1:0", "--set", &data]);
        broker.fingerprint().to_owned()
    };
    let first = fingerprint();
    assert_eq!(first.len(), 64);
    assert_eq!(fingerprint(), first);
}

#[test]
fn a_port_that_is_taken_is_named_with_advice() {
    let broker = Broker::start(&["--listen", "ws://127.0.0.1:0"]);
    let ended = run(&["--listen", broker.url("ws")]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains(broker.url("ws")), "{ended:?}");
    assert!(ended.stderr.contains("something else listens there"), "{ended:?}");
}

#[test]
fn a_wrong_configuration_starts_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("broker.toml");
    fs::write(&file, "[limits]\nping_misses = 99\n").unwrap();
    let file = file.to_str().unwrap();
    for arguments in [&["--config", file][..], &["check", "--config", file]] {
        let ended = run(arguments);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stdout.is_empty(), "{ended:?}");
        assert!(ended.stderr.contains("broker.toml:2:1: `limits.ping_misses` is 99"), "{ended:?}");
    }
}

#[test]
fn check_looks_at_the_environment_too() {
    let ended = run_with_environment(&["check"], &[("BROKER__LIMITS__PING_MISSES", "99")]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert_eq!(run(&["check"]).code, Some(0));
}

#[test]
fn the_defaults_that_it_prints_are_a_valid_file() {
    let printed = run(&["config", "--defaults"]);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("broker.toml");
    fs::write(&file, &printed.stdout).unwrap();
    let checked = run(&["check", "--config", file.to_str().unwrap()]);
    assert_eq!(checked.code, Some(0), "{checked:?}");
}

#[test]
fn what_is_in_force_is_printed_with_its_source() {
    let environment = [("BROKER__LISTEN__0__ADDRESS", "127.0.0.1:1")];
    let printed =
        run_with_environment(&["config", "--print", "--set", "server.shards=3"], &environment);
    assert_eq!(printed.code, Some(0), "{printed:?}");
    let expected = "shards = 3  # from flag --set, default 0\n";
    assert!(printed.stdout.contains(expected), "{printed:?}");
    let expected =
        "address = \"127.0.0.1:1\"  # from environment variable BROKER__LISTEN__0__ADDRESS\n";
    assert!(printed.stdout.contains(expected), "{printed:?}");
}

#[test]
fn a_command_line_that_is_wrong_ends_with_2() {
    for arguments in [&["--listen", "http://127.0.0.1:1"][..], &["nonsense"], &["--set", "x"]] {
        let ended = run(arguments);
        assert_eq!(ended.code, Some(2), "{ended:?}");
    }
}

#[test]
fn log_lines_are_json_on_request_and_go_to_standard_error() {
    let flags = ["--listen", "ws://127.0.0.1:0", "--set", "log.format=json"];
    let broker = Broker::start(&[&flags[..], &["--log-level", "trace"]].concat());
    assert_eq!(run(&["pub", "a", "1", "--url", broker.url("ws")]).code, Some(0));
    let ended = broker.signal_and_wait("TERM");
    let mut lines: Vec<_> = ended.stderr.lines().collect();
    lines.retain(|line| !line.starts_with("stopping; a second signal"));
    assert!(!lines.is_empty(), "{ended:?}");
    for line in lines {
        let parsed = serde_json::from_str::<serde_json::Value>(line);
        assert!(parsed.is_ok_and(|line| line["level"].is_string()), "{line}");
    }
    assert!(!ended.stdout.contains("level"), "{ended:?}");
}

#[test]
fn every_command_has_help_with_examples() {
    for command in ["check", "config", "sub", "pub", "request", "reply", "send"] {
        for help in ["-h", "--help"] {
            let ended = run(&[command, help]);
            assert_eq!(ended.code, Some(0), "{ended:?}");
            assert!(ended.stdout.contains("Examples:"), "{command} {help}");
        }
    }
    assert!(run(&["sub", "--help"]).stdout.contains("Exit codes:"));
}
