use super::*;

fn pattern(filter: &str) -> Pattern {
    Pattern { filter: filter.to_owned(), ..Pattern::default() }
}

fn policies() -> Policies {
    Policies::new(vec![
        Pattern { keep: Some(Keep::Latest(1)), priority: Some(3), ..pattern("market.*") },
        Pattern { bound_messages_max: Some(10), priority_max: Some(2), ..pattern("market.>") },
        Pattern { bound_messages_max: Some(5), bound_bytes_max: Some(100), ..pattern("*.btc") },
        Pattern { forbidden_keeps: vec![KeepRule::All], ..pattern("sensors.>") },
        Pattern {
            forbidden_overflows: vec![Overflow::DropOldest],
            forbids_unreliable: true,
            ..pattern("orders.>")
        },
    ])
}

#[test]
fn defaults_come_from_the_first_pattern_that_covers_the_filter() {
    let policies = policies();
    let first = |filter| policies.first_covering(filter).map(|found| found.filter.as_str());
    assert_eq!(first("market.btc"), Some("market.*"));
    assert_eq!(first("market.btc.trades"), Some("market.>"));
    assert_eq!(first("*.btc"), Some("*.btc"));
    assert_eq!(first(">"), None, "what overlaps only sets nothing");
}

#[test]
fn caps_come_from_every_pattern_that_overlaps_the_filter_and_the_strictest_holds() {
    let policies = policies();
    let default = LaneOptions { priority: 7, ..LaneOptions::default() };
    let capped = |filter| policies.capped(policies.overlapping(filter), default);
    let told =
        |options: LaneOptions| (options.bound.messages, options.bound.bytes, options.priority);
    let free = default.bound;
    assert_eq!(told(capped("market.eth")), (10, free.bytes, 2));
    assert_eq!(told(capped("market.btc")), (5, 100, 2));
    assert_eq!(told(capped(">")), (5, 100, 2));
    assert_eq!(told(capped("news.btc")), (5, 100, 7));
    assert_eq!(capped("news.today"), default);
}

#[test]
fn what_a_pattern_forbids_is_named_with_the_pattern() {
    let policies = policies();
    let told = |filter, options: LaneOptions| {
        policies.offence(policies.overlapping(filter), &options).map(|found| found.to_string())
    };
    let default = LaneOptions::default();
    let latest = LaneOptions { keep: Keep::Latest(3), overflow: Overflow::DropOldest, ..default };
    assert_eq!(told("*.a", default).unwrap(), "pattern \"sensors.>\" forbids `keep: all`");
    assert_eq!(told("sensors.a", latest), None);
    assert_eq!(
        told("orders.a", latest).unwrap(),
        "pattern \"orders.>\" forbids `overflow: drop-oldest`"
    );
    let unreliable = LaneOptions { unreliable: true, overflow: Overflow::Disconnect, ..latest };
    assert_eq!(
        told("orders.a", unreliable).unwrap(),
        "pattern \"orders.>\" forbids `unreliable: true`"
    );
    assert_eq!(told("market.a", unreliable), None);
}

#[test]
fn an_interval_has_a_floor_where_not_everything_is_kept() {
    let second = Duration::from_secs(1);
    let policies =
        Policies::new(vec![Pattern { min_interval_min: Some(second), ..pattern("display.>") }]);
    let capped = |keep, min_interval| {
        let options = LaneOptions { keep, min_interval, ..LaneOptions::default() };
        policies.capped(policies.overlapping("display.*"), options).min_interval
    };
    for keep in [Keep::Latest(1), Keep::Merge] {
        assert_eq!(capped(keep, Duration::ZERO), second);
        assert_eq!(capped(keep, 2 * second), 2 * second);
    }
    assert_eq!(capped(Keep::All, Duration::ZERO), Duration::ZERO);
}

#[test]
fn what_is_kept_is_as_the_first_pattern_has_it_that_says_so_of_as_few_keys_as_any() {
    let policies = Policies::new(vec![
        Pattern { keys_max: Some(20), ..pattern("a.*") },
        Pattern { retain: Some(Retention::Merged), keys_max: Some(10), ..pattern("*.b") },
        Pattern { retain: Some(Retention::Nothing), keys_max: Some(30), ..pattern("a.>") },
    ]);
    let told = |topic| {
        let retains = policies.retains(topic);
        (retains.how, retains.keys_max)
    };
    assert_eq!(told("a.b"), (Retention::Merged, 10));
    assert_eq!(told("a.c"), (Retention::Nothing, 20));
    assert_eq!(told("c"), (Retention::Last, usize::MAX));
    let named = |topic| (policies.keeps_nothing(topic), policies.fewest_keys(topic));
    assert_eq!(named("a.b"), (None, Some("*.b")));
    assert_eq!(named("a.c"), (Some("a.>"), Some("a.*")));
    assert_eq!(named("c"), (None, None));
}

#[test]
fn two_hundred_and_fifty_six_patterns_are_told_apart_and_more_are_left_out() {
    let most = Policies::PATTERNS_MAX;
    let policies = Policies::new((0..=most).map(|number| pattern(&format!("t{number}"))).collect());
    let places = |filter: &str| policies.overlapping(filter).places().collect::<Vec<_>>();
    assert_eq!(places("t0"), [0]);
    assert_eq!(places("t255"), [255]);
    assert!(places("t256").is_empty());
    assert_eq!(places(">"), (0..most).collect::<Vec<_>>());
}
