//! `broker bench`.

use serde_json::Value;

use crate::support::{Broker, Ended, run};

/// A short run with few subscribers, measured as JSON.
const SHORT: [&str; 8] =
    ["bench", "--json", "--subscribers", "20", "--duration", "200ms", "--warm-up", "50ms"];

fn bench(url: &str, arguments: &[&str]) -> Ended {
    run(&[&SHORT, arguments, &["--url", url]].concat())
}

fn report(ended: &Ended) -> Value {
    assert_eq!(ended.code, Some(0), "{ended:?}");
    serde_json::from_str(&ended.stdout).expect("it is one line of JSON")
}

fn count(report: &Value, name: &str) -> u64 {
    report["measured"][name].as_u64().unwrap_or_else(|| panic!("no {name} in {report}"))
}

fn assert_nothing_lost(report: &Value) {
    assert!(count(report, "deliveries") > 0, "{report}");
    for name in ["gaps", "missing", "disordered", "ended"] {
        assert_eq!(count(report, name), 0, "{name} in {report}");
    }
}

/// A broker that listens on every transport, and the directory that it needs.
fn on_every_transport() -> (Broker, tempfile::TempDir) {
    let directory = tempfile::tempdir().expect("a directory for the test");
    let path = format!("unix:{}", directory.path().join("socket").display());
    let data = format!("server.data_directory={}", directory.path().display());
    let listen = ["--listen", "ws://127.0.0.1:0", "--listen", "quic://127.0.0.1:0"];
    let broker = Broker::start(&[&listen[..], &["--listen", &path, "--set", &data]].concat());
    (broker, directory)
}

#[test]
fn every_transport_and_codec_is_measured_and_loses_nothing() {
    let (broker, _directory) = on_every_transport();
    for scheme in ["ws", "quic", "unix"] {
        for codec in ["bincode", "json"] {
            let trust = ["--fingerprint", broker.fingerprint(), "--codec", codec];
            let measured = report(&bench(broker.url(scheme), &trust));
            assert_nothing_lost(&measured);
            assert_eq!(measured["subscribers"], 20, "{scheme} {codec}");
            // On this machine the process is found by its URL.
            assert!(measured["measured"]["server_cpu_us"].as_f64() > Some(0.0), "{measured}");
        }
    }
}

#[test]
fn a_rate_is_kept_and_each_message_followed_to_its_last_subscriber() {
    let broker = Broker::start(&["--listen", "ws://127.0.0.1:0"]);
    let arguments = ["--rate", "200", "--topics", "2", "--publishers", "2"];
    let measured = report(&bench(broker.url("ws"), &arguments));
    assert_nothing_lost(&measured);
    assert_eq!(measured["rate"], 200.0);
    // A busy machine may be late, and then makes up for the warm-up; more than is due is never
    // published.
    assert!((1..=51).contains(&count(&measured, "published")), "{measured}");
    assert!(measured["measured"]["to_last"]["count"].as_u64() > Some(0), "{measured}");
}

#[test]
fn who_never_reads_takes_nothing_from_those_who_do() {
    let broker = Broker::start(&["--listen", "ws://127.0.0.1:0"]);
    let arguments = ["--stalled", "25%", "--overflow", "drop-oldest", "--size", "1024"];
    let measured = report(&bench(broker.url("ws"), &arguments));
    assert_eq!(measured["stalled"], 5);
    assert_nothing_lost(&measured);
}

#[test]
fn who_wants_the_latest_is_served_on_whatever_is_skipped_and_told() {
    let (broker, _directory) = on_every_transport();
    for scheme in ["ws", "quic", "unix"] {
        let fingerprint = broker.fingerprint();
        let arguments =
            ["--latest", "--stalled", "20%", "--size", "4096", "--fingerprint", fingerprint];
        let report = report(&bench(broker.url(scheme), &arguments));
        // More bytes for each than may be on their way unanswered: marks come back.
        let received = count(&report, "deliveries") * 4096 / 16;
        assert!(received > 65_536, "{scheme}: {report}");
        for name in ["missing", "disordered", "ended"] {
            assert_eq!(count(&report, name), 0, "{scheme}: {name} in {report}");
        }
    }
}

#[test]
fn a_table_and_a_picture_are_for_people() {
    let broker = Broker::start(&["--listen", "ws://127.0.0.1:0"]);
    let directory = tempfile::tempdir().unwrap();
    let picture = directory.path().join("latency.svg");
    let (url, path) = (broker.url("ws"), picture.display().to_string());
    let plain: Vec<_> = SHORT.into_iter().filter(|argument| *argument != "--json").collect();
    let ended = run(&[&plain[..], &["--url", url, "--plot", &path]].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for row in ["subscribers", "deliveries", "missing", "broker's CPU", "latency", "generator"] {
        assert!(ended.stdout.lines().any(|line| line.starts_with(row)), "{row}: {ended:?}");
    }
    let svg = std::fs::read_to_string(picture).expect("the picture is there");
    assert!(svg.starts_with("<svg") && svg.contains("99.9 %"), "{svg}");
}

#[test]
fn connections_alone_are_measured_without_publishers() {
    let broker = Broker::start(&["--listen", "ws://127.0.0.1:0"]);
    let measured = report(&bench(broker.url("ws"), &["--publishers", "0"]));
    assert_eq!(measured["measured"], Value::Null);
    assert!(measured["connections"]["per_second"].as_f64() > Some(0.0), "{measured}");
}

#[test]
fn a_plan_that_is_impossible_ends_with_2_and_a_broker_that_isnt_there_with_3() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", nobody.local_addr().unwrap());
    drop(nobody);
    let ended = bench(&url, &["--topics", "21"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("from 1 to 20 topics"), "{ended:?}");
    let ended = bench(&url, &[]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stderr.contains("is a broker running there"), "{ended:?}");
}

#[test]
fn subscribers_that_take_part_in_credit_lose_nothing() {
    let (broker, _directory) = on_every_transport();
    for scheme in ["ws", "quic", "unix"] {
        for codec in ["bincode", "json"] {
            let trust = ["--fingerprint", broker.fingerprint(), "--codec", codec];
            let credit = ["--credit", "16384"];
            let measured = report(&bench(broker.url(scheme), &[&trust[..], &credit].concat()));
            assert_nothing_lost(&measured);
            assert_eq!(measured["receive_window"], 16384, "{scheme} {codec}");
        }
    }
}
