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
fn two_hundred_and_fifty_six_patterns_are_told_apart_and_more_are_left_out() {
    let most = Policies::PATTERNS_MAX;
    let policies = Policies::new((0..=most).map(|number| pattern(&format!("t{number}"))).collect());
    let places = |filter: &str| policies.overlapping(filter).places().collect::<Vec<_>>();
    assert_eq!(places("t0"), [0]);
    assert_eq!(places("t255"), [255]);
    assert!(places("t256").is_empty());
    assert_eq!(places(">"), (0..most).collect::<Vec<_>>());
}
