//! What somebody reads who got the configuration wrong, word for word.

use std::fs;

use broker::config::{Config, ConfigErrors, Keep, Loaded, Overflow, Sources, Transport};

/// Loads the text from a file; in the answer it is called `broker.toml`.
fn load_with(text: &str, sources: Sources) -> Result<Loaded, String> {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let file = directory.path().join("broker.toml");
    fs::write(&file, text).expect("a temporary file can be written");
    let named = format!("{}/", directory.path().display());
    let told = |errors: ConfigErrors| errors.to_string().replace(&named, "");
    Config::load(&Sources { file: Some(file), ..sources }).map_err(told)
}

fn environment(variables: &[(&str, &str)]) -> Sources {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Sources { environment: variables.iter().map(owned).collect(), ..Sources::default() }
}

/// The faults alone, without the line that counts them.
fn faults(text: &str) -> String {
    let told = load_with(text, Sources::default()).expect_err("the file is wrong");
    let (faults, count) = told.rsplit_once('\n').expect("the last line counts the others");
    assert!(count.ends_with("in the configuration"), "{told}");
    faults.to_owned()
}

#[test]
fn every_fault_has_its_place_its_key_its_value_and_what_is_allowed() {
    for (text, expected) in [
        (
            "[limits]\npayload_bytes_max = \"9GiB\"",
            "broker.toml:2:1: `limits.payload_bytes_max` is \"9GiB\", but must be a size from 1B to \
             16MiB, in bytes or with B, KiB, MiB or GiB",
        ),
        (
            "limits.ping_misses = 0",
            "broker.toml:1:8: `limits.ping_misses` is 0, but must be an integer from 1 to 10",
        ),
        (
            "[limits]\n  ping_interval = 15",
            "broker.toml:2:3: `limits.ping_interval` is 15, but must be a duration from 100ms to \
             10m, with its unit, such as \"250ms\"",
        ),
        (
            "[lanes]\noverflow = \"newest\"",
            "broker.toml:2:1: `lanes.overflow` is \"newest\", but must be \"disconnect\", \
             \"drop-oldest\" or \"resync\"",
        ),
        (
            "[[listen]]\ntransport = \"quic\"\naddress = \"localhost\"",
            "broker.toml:3:1: `listen[0].address` is \"localhost\", but must be an IP address and \
             port, such as \"127.0.0.1:7400\" or \"[::]:7400\"",
        ),
        (
            "[[listen]]\ntransport = \"tcp\"\naddress = \"127.0.0.1:1\"",
            "broker.toml:2:1: `listen[0].transport` is \"tcp\", but must be \"websocket\", \"quic\" \
             or \"unix\"",
        ),
        (
            "[log]\nfilter = \"broker=loud\"",
            "broker.toml:2:1: `log.filter` is \"broker=loud\", but must be \"off\", \"error\", \
             \"warn\", \"info\", \"debug\" or \"trace\", or directives such as \"warn,broker=debug\"",
        ),
        (
            "[server]\nshards = 1.5",
            "broker.toml:2:1: `server.shards` is 1.5, but must be an integer from 0 to 64",
        ),
        (
            "[server]\nshards = \"2\"",
            "broker.toml:2:1: `server.shards` is \"2\", but must be an integer from 0 to 64",
        ),
        (
            "[server]\nname = [\"a\", 1]",
            "broker.toml:2:1: `server.name` is [\"a\", 1], but must be a string of 1 to 64 bytes \
             without control characters",
        ),
    ] {
        assert_eq!(faults(text), expected);
    }
}

#[test]
fn an_unknown_key_leads_to_the_nearest_known_one() {
    for (text, expected) in [
        (
            "[limits]\nconections_max = 1",
            "broker.toml:2:1: unknown setting `limits.conections_max`; did you mean \
             `limits.connections_max`?",
        ),
        (
            "[lanes]\npayload_bytes_max = 1",
            "broker.toml:2:1: unknown setting `lanes.payload_bytes_max`; did you mean \
             `limits.payload_bytes_max`?",
        ),
        (
            "[[listen]]\ntransport = \"quic\"\naddress = \"127.0.0.1:1\"\nadress = \"\"",
            "broker.toml:4:1: unknown setting `listen[0].adress`; did you mean `listen[0].address`?",
        ),
        (
            "[limts]\nx = 1\ny = 2",
            "broker.toml:1:2: unknown setting `limts`; did you mean `limits`?",
        ),
        (
            "[transport.websockets]\nx = 1",
            "broker.toml:1:12: unknown setting `transport.websockets`; did you mean \
             `transport.websocket`?",
        ),
        (
            "ping_misses = 1",
            "broker.toml:1:1: unknown setting `ping_misses`; did you mean `limits.ping_misses`?",
        ),
        (
            "[topics]\nzzz = 1",
            "broker.toml:2:1: unknown setting `topics.zzz`; [topics] has `forget_after`",
        ),
    ] {
        assert_eq!(faults(text), expected);
    }
}

#[test]
fn a_table_in_the_wrong_form_is_told_the_right_one() {
    for (text, expected) in [
        ("limits = 3", "broker.toml:1:1: `limits` is 3, but must be one table, headed [limits]"),
        (
            "[[limits]]\nping_misses = 1",
            "broker.toml:1:3: `limits` is an array of 1 tables, but must be one table, headed [limits]",
        ),
        (
            "[listen]\naddress = \"127.0.0.1:1\"",
            "broker.toml:1:2: `listen` is a table, but must be tables, each headed [[listen]]",
        ),
        (
            "[limits.ping_misses]\nx = 1",
            "broker.toml:1:9: `limits.ping_misses` is a table, but must be an integer from 1 to 10",
        ),
        (
            "listen = [1, 2]",
            "broker.toml:1:1: `listen` is [1, 2], but must be tables, each headed [[listen]]",
        ),
        (
            "listen = []",
            "broker.toml:1:1: `listen` is empty, but must be at least one table, headed [[listen]]",
        ),
    ] {
        assert_eq!(faults(text), expected);
    }
}

#[test]
fn what_settings_demand_of_each_other_is_told_where_one_was_set() {
    for (text, expected) in [
        (
            "[tls]\ncertificate = \"a.pem\"",
            "broker.toml:2:1: `tls.key` is \"\", but must be a file as well, since \
             `tls.certificate` is set: both or none",
        ),
        (
            "[requests]\ntimeout_max = \"1s\"",
            "broker.toml:2:1: `requests.timeout` is \"5s\", but must be at most \
             `requests.timeout_max`, which is \"1s\"",
        ),
        (
            "[[listen]]\ntransport = \"unix\"\naddress = \"a\"\ntls = true",
            "broker.toml:4:1: `listen[0].tls` is true, but must be false: a Unix socket is never \
             encrypted",
        ),
        (
            "[[listen]]\ntransport = \"quic\"\naddress = \"[::]:1\"\n[[listen]]\ntransport = \"quic\"\n\
             address = \"[::]:1\"",
            "broker.toml:6:1: `listen[1].address` is \"[::]:1\", but must be another than that of \
             `listen[0]`",
        ),
        (
            "[[listen]]\ntls = true",
            "broker.toml:1:1: `listen[0].transport` is missing; must be \"websocket\", \"quic\" or \
             \"unix\"\nbroker.toml:1:1: `listen[0].address` is missing; must be a string of 1 to \
             255 bytes without control characters",
        ),
    ] {
        assert_eq!(faults(text), expected);
    }
}

#[test]
fn all_faults_of_all_sources_are_told_at_once_in_the_order_of_their_places() {
    let text = "[lanes]\nbound_bytes = 0\n[limits]\n\"über\" = 1\nheaders_max = -1\n";
    let sources = environment(&[
        ("BROKER__LIMITS__PING_MISSES", "many"),
        ("BROKER__LIMIT__PING_MISSES", "1"),
        ("BROKER__LISTEN__7__ADDRESS", "127.0.0.1:1"),
    ]);
    let flag = |key: &str| ("--set".to_owned(), key.to_owned(), "x".to_owned());
    let sources = Sources { flags: vec![flag("server.shards")], ..sources };
    let told = load_with(text, sources).unwrap_err();
    let lines: Vec<_> = told.lines().collect();
    let beginnings = [
        "broker.toml:2:1: `lanes.bound_bytes` is 0, but must be a size from 1KiB",
        "broker.toml:4:1: unknown setting `limits.über`; ",
        "broker.toml:5:1: `limits.headers_max` is -1, but must be",
        "environment variable BROKER__LIMITS__PING_MISSES: `limits.ping_misses` is \"many\"",
        "environment variable BROKER__LIMIT__PING_MISSES: unknown setting `limit.ping_misses`",
        "environment variable BROKER__LISTEN__7__ADDRESS: `listen[7]` has index 7, but must be",
        "flag --set: `server.shards` is \"x\", but must be an integer from 0 to 64",
        "7 errors in the configuration",
    ];
    assert_eq!(lines.len(), beginnings.len(), "{told}");
    for beginning in beginnings {
        assert!(lines.iter().any(|line| line.starts_with(beginning)), "{beginning}\n{told}");
    }
    assert!(lines[0].contains(":2:1") && lines[2].contains(":5:1") && lines[6].contains("--set"));
}

#[test]
fn what_isnt_toml_is_told_with_every_place() {
    let told = faults("[limits]\nping_misses = \nheaders_max = 1\nheaders_max = 2\n");
    let places: Vec<_> = told.lines().map(|line| &line[.."broker.toml:2:1".len()]).collect();
    assert_eq!(places, ["broker.toml:2:1", "broker.toml:4:1"], "{told}");
}

#[test]
fn a_file_that_isnt_there_is_told_by_name() {
    let sources = Sources { file: Some("/nowhere/broker.toml".into()), ..Sources::default() };
    let told = Config::load(&sources).unwrap_err().to_string();
    assert!(told.contains("/nowhere/broker.toml can't be read: No such file"), "{told}");
}

#[test]
fn later_sources_win_over_earlier_ones() {
    let text = "[limits]\nping_misses = 3\nheaders_max = 3\nconnections_max = 3";
    let sources = environment(&[
        ("BROKER__LIMITS__HEADERS_MAX", "4"),
        ("BROKER__LIMITS__CONNECTIONS_MAX", "4"),
    ]);
    let flag = ("--set".to_owned(), "limits.connections_max".to_owned(), "5".to_owned());
    let loaded = load_with(text, Sources { flags: vec![flag], ..sources }).unwrap();
    let limits = &loaded.config.limits;
    assert_eq!((limits.ping_misses, limits.headers_max, limits.connections_max), (3, 4, 5));
    let toml = loaded.to_toml();
    for line in [
        "broker.toml:2:1, default 2",
        "headers_max = 4  # from environment variable BROKER__LIMITS__HEADERS_MAX, default 32",
        "connections_max = 5  # from flag --set, default 10000",
        "commands_open_max = 1024\n",
    ] {
        assert!(toml.contains(line), "{line}\n{toml}");
    }
}

#[test]
fn the_environment_changes_and_extends_the_places_to_listen() {
    let sources = environment(&[
        ("BROKER__LISTEN__0__ADDRESS", "0.0.0.0:80"),
        ("BROKER__LISTEN__0__ORIGINS_ALLOWED", "https://a.org, https://b.org"),
        ("BROKER__LISTEN__2__TRANSPORT", "unix"),
        ("BROKER__LISTEN__2__ADDRESS", "/run/broker.sock"),
    ]);
    let listen = load_with("", sources).unwrap().config.listen;
    let shown: Vec<_> = listen.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["ws://0.0.0.0:80", "quic://127.0.0.1:7400", "unix:/run/broker.sock"]);
    assert_eq!(listen[0].origins_allowed, ["https://a.org", "https://b.org"]);
}

#[test]
fn an_entry_that_the_environment_adds_must_be_whole() {
    let told = load_with("", environment(&[("BROKER__LISTEN__2__TLS", "true")])).unwrap_err();
    assert!(told.contains("BROKER__LISTEN__2__TLS: `listen[2].address` is missing"), "{told}");
}

#[test]
fn places_to_listen_from_flags_replace_all_others() {
    let text = "[[listen]]\ntransport = \"unix\"\naddress = \"a\"\n";
    let listen = vec!["quic://127.0.0.1:1".parse().unwrap()];
    let loaded = load_with(text, Sources { listen, ..Sources::default() }).unwrap();
    assert_eq!(loaded.config.listen.len(), 1);
    assert_eq!(loaded.config.listen[0].transport, Transport::Quic);
    assert!(loaded.to_toml().contains("[[listen]]  # from flag --listen\n"));
}

#[test]
fn what_is_printed_loads_again_as_the_same() {
    let mut config = Config::default();
    config.limits.payload_bytes_max = 12_345;
    config.server.name = "a \"b\" #c".to_owned();
    let first = load_with(
        "[server]\nname = 'a \"b\" #c'\n[limits]\npayload_bytes_max = 12_345",
        Sources::default(),
    )
    .unwrap();
    assert_eq!(first.config, config);
    assert_eq!(load_with(&first.to_toml(), Sources::default()).unwrap().config, config);
}

#[test]
fn a_configuration_made_in_code_is_checked_as_well() {
    let mut config = Config::default();
    config.limits.ping_misses = 0;
    config.listen.clear();
    let told = config.check().unwrap_err().to_string();
    assert_eq!(
        told,
        "configuration: `limits.ping_misses` is 0, but must be an integer from 1 to 10\n\
         1 error in the configuration"
    );
}

#[test]
fn patterns_are_told_what_is_wrong_with_them_and_which_one_it_is() {
    for (text, expected) in [
        (
            "[[pattern]]\nkeep = \"latest\"",
            "broker.toml:1:1: `pattern[0].filter` is missing; must be a filter of topics such as \
             \"market.>\" or \"*.status\"",
        ),
        (
            "[[pattern]]\nfilter = \"a.>.b\"",
            "broker.toml:2:1: `pattern[0].filter` is \"a.>.b\", but must be a filter of topics such \
             as \"market.>\" or \"*.status\"",
        ),
        (
            "[[pattern]]\nfilter = \"a\"\n[[pattern]]\nfilter = \"b\"\nkeep = \"newest\"",
            "broker.toml:5:1: `pattern[1].keep` is \"newest\", but must be \"all\", \"latest\", \
             \"merge\", or how many newest of each key, or \"\" for none",
        ),
        (
            "[[pattern]]\nfilter = \"a\"\nforbid_keep = [\"latest\", \"latest\"]",
            "broker.toml:3:1: `pattern[0].forbid_keep` is [\"latest\", \"latest\"], but must be a list \
             of \"all\", \"latest\" or \"merge\", each at most once",
        ),
        (
            "[[pattern]]\nfilter = \"a\"\npriority_max = 8",
            "broker.toml:3:1: `pattern[0].priority_max` is 8, but must be an integer from 0 to 7, or \
             \"\" for none",
        ),
        (
            "[[pattern]]\nfilter = \"a\"\nforbid_keeps = []",
            "broker.toml:3:1: unknown setting `pattern[0].forbid_keeps`; did you mean \
             `pattern[0].forbid_keep`?",
        ),
        (
            "[pattern]\nfilter = \"a\"",
            "broker.toml:1:2: `pattern` is a table, but must be tables, each headed [[pattern]]",
        ),
        (
            "[[patterns]]\nfilter = \"a\"",
            "broker.toml:1:3: unknown setting `patterns`; did you mean `pattern`?",
        ),
        (
            "[[pattern]]\nfilter = \"a\"\n[[pattern]]\nfilter = \"a\"",
            "broker.toml:4:1: `pattern[1].filter` is \"a\", but must be another than that of \
             `pattern[0]`",
        ),
        (
            "[[pattern]]\nfilter = \"a\"\nkeep = \"all\"\nforbid_keep = [\"all\"]",
            "broker.toml:3:1: `pattern[0].keep` is \"all\", but must be one that \
             `pattern[0].forbid_keep` doesn't have",
        ),
        (
            "[[pattern]]\nfilter = \"a\"\nbound_messages = 11\nbound_messages_max = 10",
            "broker.toml:3:1: `pattern[0].bound_messages` is 11, but must be at most \
             `pattern[0].bound_messages_max`, which is 10",
        ),
        (
            "[[pattern]]\nfilter = \"a.b\"\ntopics_max = 2",
            "broker.toml:3:1: `pattern[0].topics_max` is 2, but must be 1, or none: \"a.b\" matches one \
             topic alone",
        ),
        (
            "[[pattern]]\nfilter = \"a\"\nmin_interval = \"50ms\"\nmin_interval_min = \"100ms\"",
            "broker.toml:3:1: `pattern[0].min_interval` is \"50ms\", but must be at least \
             `pattern[0].min_interval_min`, which is \"100ms\"",
        ),
        (
            "[[pattern]]\nfilter = \"a\"\nkeep = \"merge\"\nforbid_keep = [\"merge\"]",
            "broker.toml:3:1: `pattern[0].keep` is \"merge\", but must be one that \
             `pattern[0].forbid_keep` doesn't have",
        ),
        (
            "[[pattern]]\nfilter = \"a\"\nretain = \"all\"",
            "broker.toml:3:1: `pattern[0].retain` is \"all\", but must be \"none\", \"last\" or \
             \"merged\", or \"\" for none",
        ),
    ] {
        assert_eq!(faults(text), expected);
    }
}

#[test]
fn patterns_are_taken_from_files_and_the_environment_and_printed_as_they_are_in_force() {
    let text = "[[pattern]]\nfilter = \"market.>\"\nkeep = 3\nbound_bytes_max = \"64KiB\"\n\
                forbid_overflow = [\"disconnect\"]";
    let sources = environment(&[
        ("BROKER__PATTERN__0__PRIORITY_MAX", "5"),
        ("BROKER__PATTERN__1__FILTER", "chat.>"),
        ("BROKER__PATTERN__1__FORBID_KEEP", "latest, merge"),
    ]);
    let loaded = load_with(text, sources).unwrap();
    let [market, chat] = &loaded.config.patterns[..] else { panic!("{:?}", loaded.config) };
    assert_eq!(market.keep, Some(Keep::Latest(3)));
    assert_eq!((market.bound_bytes_max, market.priority_max), (Some(64 * 1024), Some(5)));
    assert_eq!(market.forbid_overflow, [Overflow::Disconnect]);
    assert_eq!((chat.filter.as_str(), chat.forbid_keep.len()), ("chat.>", 2));
    let toml = loaded.to_toml();
    assert!(toml.contains("[[pattern]]\nfilter = \"market.>\"  # from "), "{toml}");
    assert_eq!(load_with(&toml, Sources::default()).unwrap().config, loaded.config);
}

#[test]
fn two_hundred_and_fifty_six_patterns_are_the_most() {
    let text = |count: usize| {
        let one = |number| format!("[[pattern]]\nfilter = \"t{number}\"\n");
        (0..count).map(one).collect::<String>()
    };
    assert_eq!(load_with(&text(256), Sources::default()).unwrap().config.patterns.len(), 256);
    assert_eq!(
        faults(&text(257)),
        "broker.toml:1:3: `pattern` is an array of 257 tables, but must be at most 256 tables, each \
         headed [[pattern]]"
    );
}
