//! `broker sub`.

use std::io::{BufRead as _, BufReader};

use crate::support::{Broker, Running, run, run_with_input};

fn broker() -> Broker {
    Broker::start(&["--listen", "ws://127.0.0.1:0"])
}

fn publish(broker: &Broker, topic: &str, payload: &str) {
    let ended = run(&["pub", topic, payload, "--url", broker.url("ws")]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

/// Subscribes with these arguments, and waits until the subscription has begun.
fn subscribe(broker: &Broker, arguments: &[&str]) -> Running {
    let connection = ["--url", broker.url("ws")];
    Running::start(&[&["sub"], arguments, &connection].concat(), "subscribed to")
}

#[test]
fn topic_and_payload_are_printed_on_a_line_until_there_are_enough() {
    let broker = broker();
    let subscribed = subscribe(&broker, &["market.>", "--count", "2"]);
    publish(&broker, "market.btc", "42");
    publish(&broker, "news", "nothing");
    publish(&broker, "market.eth.trades", "two\nlines");
    let ended = subscribed.wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.stdout, "market.btc 42\nmarket.eth.trades two\\nlines\n");
}

#[test]
fn json_lines_hold_all_that_is_known() {
    let broker = broker();
    let subscribed = subscribe(&broker, &["a", "--count", "1", "--format", "json"]);
    let published = ["pub", "a", "{\"n\": 1.0}", "--content", "json", "--key", "k"];
    let connection = ["--name", "bob", "--codec", "json", "--url", broker.url("ws")];
    assert_eq!(run(&[&published[..], &connection].concat()).code, Some(0));
    let ended = subscribed.wait();
    let line: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(line["type"], "message");
    assert_eq!((&line["topic"], &line["seq"]), (&"a".into(), &1.into()));
    assert_eq!((&line["from"], &line["key"]), (&"bob".into(), &"k".into()));
    assert!(ended.stdout.ends_with(",\"json\":{\"n\": 1.0}}\n"), "{ended:?}");
}

#[test]
fn raw_payloads_come_byte_for_byte() {
    let broker = broker();
    let subscribed = subscribe(&broker, &["a", "--count", "2", "--format", "raw", "-N"]);
    publish(&broker, "a", "x\n");
    publish(&broker, "a", "y");
    assert_eq!(subscribed.wait().stdout, "x\ny");
}

#[test]
fn who_prints_slowly_gets_the_newest_and_is_told_exactly_how_many_were_skipped() {
    let broker = broker();
    let mut subscribed = subscribe(&broker, &["a", "--when-behind", "latest"]);
    // More than the pipe holds that nobody reads from yet.
    let lines: String = (1..=20_000).map(|number| format!("{number} {:100}\n", "")).collect();
    let published = ["pub", "a", "--lines", "--url", broker.url("ws")];
    assert_eq!(run_with_input(&published, lines.as_bytes()).code, Some(0));
    let printed = BufReader::new(subscribed.take_stdout()).lines();
    let numbers = printed.map_while(|line| {
        let line = line.unwrap();
        let number: u64 = line.split(' ').nth(1)?.parse().ok()?;
        Some(number)
    });
    let mut received = 0;
    for number in numbers {
        received += 1;
        if number == 20_000 {
            break;
        }
    }
    subscribed.signal("INT");
    let told = subscribed.wait().stderr;
    let skipped = told.lines().filter_map(|line| {
        let rest = line.strip_prefix("missed ")?;
        rest.ends_with("of a: conflated").then(|| rest.split(' ').next()?.parse::<u64>().ok())?
    });
    let skipped: u64 = skipped.sum();
    assert!(skipped > 0, "nothing was conflated");
    assert_eq!(received + skipped, 20_000, "{told}");
}

#[test]
fn who_wants_all_or_an_end_gets_an_end_in_place_of_the_first_that_is_missing() {
    let broker = broker();
    let mut subscribed =
        subscribe(&broker, &["a", "--when-behind", "end", "--format", "json", "--wait", "60s"]);
    // More than the pipe, the program's credit and its lane hold together.
    let lines: String = (1..=40_000).map(|number| format!("{number} {:100}\n", "")).collect();
    let published = ["pub", "a", "--lines", "--url", broker.url("ws")];
    assert_eq!(run_with_input(&published, lines.as_bytes()).code, Some(0));
    let printed = BufReader::new(subscribed.take_stdout()).lines().map_while(Result::ok);
    let printed: Vec<serde_json::Value> =
        printed.map(|line| serde_json::from_str(&line).unwrap()).collect();
    let ended = subscribed.wait();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("messages are missing"), "{ended:?}");
    let (gap, messages) = printed.split_last().unwrap();
    let seqs: Vec<u64> = messages.iter().filter_map(|message| message["seq"].as_u64()).collect();
    assert!(seqs.iter().copied().eq(1..=messages.len() as u64), "one is missing before the end");
    let first_missing = messages.len() as u64 + 1;
    assert_eq!((&gap["type"], &gap["first_seq"]), (&"gap".into(), &first_missing.into()), "{gap}");
}

#[test]
fn filters_that_overlap_print_a_message_once() {
    let broker = broker();
    let subscribed = subscribe(&broker, &["a.*", "*.b", "a.b", "--count", "3"]);
    for topic in ["a.b", "x.b", "a.c"] {
        publish(&broker, topic, "1");
    }
    let ended = subscribed.wait();
    let mut lines: Vec<_> = ended.stdout.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["a.b 1", "a.c 1", "x.b 1"]);
}

#[test]
fn without_a_message_in_time_it_ends_with_4() {
    let broker = broker();
    let ended = subscribe(&broker, &["a", "--wait", "50ms"]).wait();
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(ended.stderr.contains("the time was up"), "{ended:?}");
}

#[test]
fn a_signal_ends_it_well_and_130_says_that_messages_were_still_to_come() {
    let broker = broker();
    for (arguments, code) in [(&["a"][..], 0), (&["a", "--count", "1"], 130)] {
        let subscribed = subscribe(&broker, arguments);
        subscribed.signal("INT");
        assert_eq!(subscribed.wait().code, Some(code));
    }
}

#[test]
fn a_reader_that_goes_away_is_a_good_end() {
    let broker = broker();
    let mut subscribed = subscribe(&broker, &["a"]);
    drop(subscribed.take_stdout());
    publish(&broker, "a", "nobody reads this");
    let ended = subscribed.wait();
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
}

#[test]
fn nobody_to_connect_to_ends_with_3_and_says_what_to_do() {
    let ended = run(&["sub", "a", "--url", "ws://127.0.0.1:1"]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stderr.contains("is a broker running there?"), "{ended:?}");
}

#[test]
fn what_isnt_a_filter_or_a_url_ends_with_2() {
    let broker = broker();
    let ended = run(&["sub", "a..b", "--url", broker.url("ws")]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("a..b"), "{ended:?}");
    assert_eq!(run(&["sub", "a", "--url", "ftp://127.0.0.1"]).code, Some(2));
}

#[test]
fn a_broker_that_comes_back_is_found_again() {
    let broker = broker();
    let url = broker.url("ws").to_owned();
    let mut subscribed = subscribe(&broker, &["a", "--count", "1"]);
    broker.signal_and_wait("KILL");
    subscribed.wait_until_said("connection lost");
    let broker = Broker::start(&["--listen", &url]);
    subscribed.wait_until_said("connected to");
    // The subscription is made anew with the session, before anything is published here.
    subscribed.wait_until_said("subscribed anew");
    publish(&broker, "a", "back");
    assert_eq!(subscribed.wait().stdout, "a back\n");
}

#[test]
fn what_is_sent_to_its_name_is_printed() {
    let broker = broker();
    let bob = subscribe(&broker, &["--name", "bob", "--count", "1"]);
    let sent = run(&["send", "bob", "lunch?", "--url", broker.url("ws")]);
    assert_eq!(sent.code, Some(0), "{sent:?}");
    assert_eq!(bob.wait().stdout, "$to.bob lunch?\n");
}

#[test]
fn a_name_that_nobody_has_ends_with_5() {
    let broker = broker();
    let sent = run(&["send", "bob", "lunch?", "--url", broker.url("ws")]);
    assert_eq!(sent.code, Some(5), "{sent:?}");
}

#[test]
fn the_members_of_a_group_share_the_messages() {
    let broker = broker();
    let member = || subscribe(&broker, &["jobs", "--group", "g", "--count", "1"]);
    let members = [member(), member()];
    for job in ["1", "2"] {
        publish(&broker, "jobs", job);
    }
    let mut printed: Vec<_> = members.map(|member| member.wait().stdout).to_vec();
    printed.sort_unstable();
    assert_eq!(printed, ["jobs 1\n", "jobs 2\n"]);
}

#[test]
fn who_comes_and_goes_is_told() {
    let broker = broker();
    let mut watching = subscribe(&broker, &["room", "--presence"]);
    let bob = subscribe(&broker, &["room", "--name", "bob"]);
    watching.wait_until_said("here: bob");
    drop(bob);
    watching.wait_until_said("gone: bob");
}

fn keep(broker: &Broker, topic: &str, payload: &str) {
    let ended = run(&["pub", topic, payload, "--retain", "--url", broker.url("ws")]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn what_is_retained_is_printed_first_and_marked() {
    let broker = broker();
    for (topic, payload) in [("lamp.a", "off"), ("lamp.b", "on"), ("lamp.a", "on"), ("lamp.b", "")]
    {
        keep(&broker, topic, payload);
    }
    let mut subscribed = subscribe(&broker, &["lamp.*", "--replay", "last", "--count", "2"]);
    subscribed.wait_until_said("caught up with lamp.*");
    publish(&broker, "lamp.b", "off");
    assert_eq!(subscribed.wait().stdout, "(retained) lamp.a on\nlamp.b off\n");
}

#[test]
fn json_lines_tell_what_is_replayed_and_its_end() {
    let broker = broker();
    let input = run_with_input(
        &["pub", "lamp", "--lines", "--retain", "--url", broker.url("ws")],
        b"off\non\n",
    );
    assert_eq!(input.code, Some(0), "{input:?}");
    let arguments = ["lamp", "--replay", "last", "--format", "json", "--when-behind", "resync"];
    let subscribed = subscribe(&broker, &[&arguments[..], &["--wait", "1s"]].concat());
    let ended = subscribed.wait();
    let lines: Vec<serde_json::Value> =
        ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[0]["text"], &lines[0]["replayed"]), (&"on".into(), &true.into()));
    assert_eq!((&lines[1]["type"], &lines[1]["filter"]), (&"caught_up".into(), &"lamp".into()));
}

#[test]
fn quic_needs_the_fingerprint_that_the_broker_prints() {
    let directory = tempfile::tempdir().unwrap();
    let data = format!("server.data_directory={}", directory.path().display());
    let broker = Broker::start(&["--listen", "quic://127.0.0.1:0", "--set", &data]);
    let publish = ["pub", "a", "1", "--url", broker.url("quic")];
    let refused = run(&publish);
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert!(refused.stderr.contains("--fingerprint"), "{refused:?}");
    let trusted = run(&[&publish[..], &["--fingerprint", broker.fingerprint()]].concat());
    assert_eq!(trusted.code, Some(0), "{trusted:?}");
}

#[test]
fn a_unix_socket_serves_as_well_and_its_file_goes_with_the_broker() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("broker.sock");
    let url = format!("unix:{}", socket.display());
    let broker = Broker::start(&["--listen", &url]);
    let published = run(&["pub", "a", "1", "--url", broker.url("unix")]);
    assert_eq!(published.code, Some(0), "{published:?}");
    assert_eq!(broker.signal_and_wait("TERM").code, Some(0));
    assert!(!socket.exists());
}

#[test]
fn the_second_signal_ends_a_broker_at_once_while_it_waits_for_a_frozen_client() {
    let broker = broker();
    let frozen = subscribe(&broker, &[">"]);
    frozen.signal("STOP");
    let ended = broker.signal_twice_and_wait("TERM", "a second signal ends it at once");
    assert_eq!(ended.code, Some(130), "{ended:?}");
}
