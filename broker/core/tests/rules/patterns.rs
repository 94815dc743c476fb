//! What the operator's patterns make of what clients wish for.

use std::time::Duration;

use broker_core::{Config, KeepRule, Pattern, Policies};
use broker_delivery::lane::{Keep as GrantedKeep, Overflow as GrantedOverflow};
use broker_protocol::ErrorCode;
use broker_protocol::frame::{
    BrokerFrame, ClientFrame, Keep, LaneOptions, Overflow, Rejected, Serve, Subscribe, Update,
};

use crate::stage::{Stage, in_group, in_lane, subscribe};

fn with(patterns: Vec<Pattern>) -> Stage {
    Stage::new(Config { policies: Policies::new(patterns), ..Config::default() })
}

fn pattern(filter: &str) -> Pattern {
    Pattern { filter: filter.to_owned(), ..Pattern::default() }
}

fn alone(filter: &str, options: LaneOptions) -> ClientFrame<'static> {
    ClientFrame::Subscribe(Subscribe { options: Some(options), ..subscribe(filter) })
}

fn granted(stage: &mut Stage, slot: u32) -> LaneOptions {
    let frames = stage.frames(slot).into_iter();
    let mut granted = frames.filter_map(|frame| match frame {
        BrokerFrame::Accepted(accepted) => accepted.granted,
        BrokerFrame::Rejected(rejected) => panic!("{rejected:?}"),
        _ => None,
    });
    granted.next().expect("it is accepted")
}

fn refused(stage: &mut Stage, slot: u32) -> Rejected {
    let frames = stage.frames(slot).into_iter();
    let mut refused = frames.filter_map(|frame| match frame {
        BrokerFrame::Rejected(rejected) => Some(rejected),
        _ => None,
    });
    refused.next().expect("it is refused")
}

#[test]
fn what_isnt_wished_for_comes_from_the_first_pattern_that_covers_the_filter() {
    let mut stage = with(vec![
        Pattern {
            keep: Some(GrantedKeep::Latest(1)),
            bound_messages: Some(7),
            priority: Some(3),
            ..pattern("market.*")
        },
        Pattern { bound_messages: Some(9), ..pattern("market.>") },
    ]);
    let ann = stage.enter("ann");
    let told = |granted: LaneOptions| {
        (granted.keep, granted.overflow, granted.bound_messages, granted.priority)
    };
    let (all, latest) = (Some(Keep::All), Some(Keep::Latest(1)));
    let (disconnect, drop) = (Some(Overflow::Disconnect), Some(Overflow::DropOldest));
    for (filter, wished, expected) in [
        ("market.btc", None, (latest, drop, Some(7), Some(3))),
        ("market.btc", all, (all, disconnect, Some(7), Some(3))),
        ("market.>", None, (all, disconnect, Some(9), Some(0))),
        ("*.btc", None, (all, disconnect, Some(4096), Some(0))),
    ] {
        stage.say(ann, &alone(filter, LaneOptions { keep: wished, ..LaneOptions::default() }));
        assert_eq!(told(granted(&mut stage, ann)), expected, "{filter} {wished:?}");
    }
}

#[test]
fn what_is_granted_is_within_the_caps_of_every_pattern_that_the_filter_overlaps() {
    let mut stage = with(vec![
        Pattern { bound_messages_max: Some(10), ..pattern("a.>") },
        Pattern { bound_bytes_max: Some(2000), priority_max: Some(1), ..pattern("*.b") },
    ]);
    let ann = stage.enter("ann");
    let wish = LaneOptions {
        bound_messages: Some(11),
        bound_bytes: Some(2001),
        priority: Some(2),
        ..LaneOptions::default()
    };
    for (filter, messages, bytes, priority) in
        [("a.c", 10, 2001, 2), ("c.b", 11, 2000, 1), ("a.b", 10, 2000, 1), ("c", 11, 2001, 2)]
    {
        stage.say(ann, &alone(filter, wish.clone()));
        let LaneOptions { bound_messages, bound_bytes, priority: granted, .. } =
            granted(&mut stage, ann);
        let told = (bound_messages, bound_bytes, granted);
        assert_eq!(told, (Some(messages), Some(bytes), Some(priority)), "{filter}");
    }
}

#[test]
fn a_wish_that_makes_no_sense_is_refused_within_caps_too() {
    let mut stage = with(vec![Pattern { priority_max: Some(1), ..pattern("a.>") }]);
    let ann = stage.enter("ann");
    for filter in ["a.b", "c"] {
        let wish = LaneOptions { priority: Some(8), ..LaneOptions::default() };
        stage.say(ann, &alone(filter, wish));
        let told = refused(&mut stage, ann);
        assert_eq!((told.code, told.field.as_deref()), (ErrorCode::InvalidField, Some("options")));
    }
}

#[test]
fn a_forbidden_wish_is_refused_with_the_pattern_and_the_option() {
    let mut stage = with(vec![
        Pattern { forbidden_keeps: vec![KeepRule::All], ..pattern("market.>") },
        Pattern { forbidden_overflows: vec![GrantedOverflow::DropOldest], ..pattern("orders.>") },
    ]);
    let ann = stage.enter("ann");
    let nothing = LaneOptions::default();
    let drop = LaneOptions { overflow: Some(Overflow::DropOldest), ..nothing.clone() };
    let latest = LaneOptions { keep: Some(Keep::Latest(1)), ..nothing.clone() };
    for (filter, options, message) in [
        (">", &nothing, "pattern \"market.>\" forbids `keep: all`"),
        ("orders.1", &drop, "pattern \"orders.>\" forbids `overflow: drop-oldest`"),
        ("orders.1", &latest, "pattern \"orders.>\" forbids `overflow: drop-oldest`"),
    ] {
        stage.say(ann, &alone(filter, options.clone()));
        let told = refused(&mut stage, ann);
        assert_eq!((told.code, told.field.as_deref()), (ErrorCode::NotAllowed, Some("options")));
        assert_eq!(told.message, message);
    }
    stage.say(ann, &alone("market.a", latest));
    assert_eq!(granted(&mut stage, ann).keep, Some(Keep::Latest(1)));
}

#[test]
fn a_filter_that_may_not_have_what_lane_0_has_is_told_to_take_a_lane_of_its_own() {
    let mut stage = with(vec![
        Pattern {
            keep: Some(GrantedKeep::Latest(1)),
            forbidden_keeps: vec![KeepRule::All],
            ..pattern("market.>")
        },
        Pattern { bound_messages_max: Some(10), ..pattern("chat.>") },
    ]);
    let ann = stage.enter("ann");
    for (filter, message) in [
        (
            "market.btc",
            "pattern \"market.>\" forbids `keep: all`, which lane 0 has; name a `lane` that \
             isn't open for one of its own",
        ),
        (
            "*.kitchen",
            "pattern \"market.>\" forbids `keep: all`, which lane 0 has; name a `lane` that \
             isn't open for one of its own",
        ),
        (
            "chat.kitchen",
            "pattern \"chat.>\" grants less than lane 0 has; name a `lane` that isn't open \
             for one of its own",
        ),
    ] {
        stage.subscribe(ann, filter);
        let told = refused(&mut stage, ann);
        assert_eq!((told.code, told.message.as_str()), (ErrorCode::LaneOptions, message));
    }
    stage.subscribe(ann, "news");
    assert_eq!(granted(&mut stage, ann).keep, Some(Keep::All));
    stage.say(ann, &alone("market.btc", LaneOptions::default()));
    assert_eq!(granted(&mut stage, ann).keep, Some(Keep::Latest(1)));
    stage.say(ann, &alone("chat.kitchen", LaneOptions::default()));
    assert_eq!(granted(&mut stage, ann).bound_messages, Some(10));
}

#[test]
fn a_filter_that_would_change_the_grant_of_an_open_lane_needs_another() {
    let mut stage = with(vec![Pattern { bound_messages_max: Some(10), ..pattern("chat.>") }]);
    let ann = stage.enter("ann");
    let wide = LaneOptions { bound_messages: Some(100), ..LaneOptions::default() };
    let narrow = LaneOptions { bound_messages: Some(10), ..LaneOptions::default() };
    stage.say(ann, &in_lane("news", 1, wide.clone()));
    assert_eq!(granted(&mut stage, ann).bound_messages, Some(100));
    stage.say(ann, &in_lane("chat.a", 1, wide.clone()));
    assert_eq!(refused(&mut stage, ann).code, ErrorCode::LaneOptions);
    // One that was capped is no wider for a filter that no pattern caps.
    stage.say(ann, &in_lane("chat.a", 2, wide.clone()));
    assert_eq!(granted(&mut stage, ann).bound_messages, Some(10));
    stage.say(ann, &in_lane("news", 2, wide));
    assert_eq!(refused(&mut stage, ann).code, ErrorCode::LaneOptions);
    stage.say(ann, &in_lane("news", 2, narrow));
    assert_eq!(granted(&mut stage, ann).bound_messages, Some(10));
}

#[test]
fn an_update_is_held_to_the_patterns_of_all_filters_in_the_lane() {
    let mut stage = with(vec![
        Pattern { bound_messages_max: Some(10), ..pattern("chat.>") },
        Pattern { forbidden_keeps: vec![KeepRule::Latest], ..pattern("orders.>") },
    ]);
    let ann = stage.enter("ann");
    let narrow = LaneOptions { bound_messages: Some(5), ..LaneOptions::default() };
    for filter in ["news", "chat.a", "orders.1"] {
        stage.say(ann, &in_lane(filter, 1, narrow.clone()));
        granted(&mut stage, ann);
    }
    let update = |options| ClientFrame::Update(Update { id: 9, lane: 1, options });
    stage.say(ann, &update(LaneOptions { bound_messages: Some(11), ..LaneOptions::default() }));
    assert_eq!(granted(&mut stage, ann).bound_messages, Some(10));
    let latest = LaneOptions { keep: Some(Keep::Latest(1)), ..LaneOptions::default() };
    stage.say(ann, &update(latest));
    let told = refused(&mut stage, ann);
    assert_eq!(told.code, ErrorCode::NotAllowed);
    assert_eq!(told.message, "pattern \"orders.>\" forbids `keep: latest`");
}

#[test]
fn members_of_queue_groups_keep_everything_whatever_the_default_and_providers_are_left_alone() {
    let mut stage = with(vec![Pattern {
        keep: Some(GrantedKeep::Latest(1)),
        bound_messages_max: Some(10),
        ..pattern("work.>")
    }]);
    let ann = stage.enter("ann");
    let ClientFrame::Subscribe(member) = in_group("work.a", "team") else { unreachable!() };
    let options = Some(LaneOptions::default());
    stage.say(ann, &ClientFrame::Subscribe(Subscribe { options, ..member }));
    let told = granted(&mut stage, ann);
    assert_eq!((told.keep, told.bound_messages), (Some(Keep::All), Some(10)));
    let serve = Serve { id: 2, filter: "work.a".to_owned(), lane: None };
    stage.say(ann, &ClientFrame::Serve(serve));
    assert_eq!(granted(&mut stage, ann).bound_messages, Some(4096));
}

#[test]
fn an_interval_is_a_default_and_has_a_floor_for_lanes_that_conflate() {
    let milliseconds = Duration::from_millis;
    let mut stage = with(vec![
        Pattern {
            keep: Some(GrantedKeep::Merge),
            min_interval: Some(milliseconds(200)),
            ..pattern("display.a")
        },
        Pattern { min_interval_min: Some(milliseconds(100)), ..pattern("display.>") },
    ]);
    let ann = stage.enter("ann");
    let (all, latest) = (Some(Keep::All), Some(Keep::Latest(1)));
    for (filter, keep, wished, expected) in [
        ("display.a", None, None, (Some(Keep::Merge), Some(200))),
        ("display.a", latest, Some(50), (latest, Some(100))),
        ("display.a", all, None, (all, Some(0))),
        ("*.b", latest, None, (latest, Some(100))),
        ("display.b", latest, Some(150), (latest, Some(150))),
        ("other", latest, Some(50), (latest, Some(50))),
    ] {
        let options = LaneOptions { keep, min_interval: wished, ..LaneOptions::default() };
        stage.say(ann, &alone(filter, options));
        let granted = granted(&mut stage, ann);
        assert_eq!((granted.keep, granted.min_interval), expected, "{filter} {wished:?}");
    }
    // Who keeps everything and then doesn't meets the floor, too.
    let (lane, options) = (3, LaneOptions { keep: latest, ..LaneOptions::default() });
    stage.say(ann, &ClientFrame::Update(Update { id: 9, lane, options }));
    assert_eq!(granted(&mut stage, ann).min_interval, Some(100));
}

#[test]
fn merging_and_resync_are_defaults_and_may_be_forbidden() {
    let mut stage = with(vec![
        Pattern { keep: Some(GrantedKeep::Merge), ..pattern("settings.>") },
        Pattern { overflow: Some(GrantedOverflow::Resync), ..pattern("state.>") },
        Pattern {
            forbidden_keeps: vec![KeepRule::Merge],
            forbidden_overflows: vec![GrantedOverflow::Resync],
            ..pattern("orders.>")
        },
    ]);
    let ann = stage.enter("ann");
    let nothing = LaneOptions::default();
    let (resync, disconnect) = (Some(Overflow::Resync), Some(Overflow::Disconnect));
    for (filter, expected) in [
        ("settings.a", (Some(Keep::Merge), resync)),
        ("state.a", (Some(Keep::All), resync)),
        ("orders.a", (Some(Keep::All), disconnect)),
    ] {
        stage.say(ann, &alone(filter, nothing.clone()));
        let granted = granted(&mut stage, ann);
        assert_eq!((granted.keep, granted.overflow), expected, "{filter}");
    }
    let merge = LaneOptions { keep: Some(Keep::Merge), ..nothing.clone() };
    let resync = LaneOptions { overflow: resync, ..nothing };
    for (options, forbidden) in [(merge, "keep: merge"), (resync, "overflow: resync")] {
        stage.say(ann, &alone("orders.a", options));
        let message = format!("pattern \"orders.>\" forbids `{forbidden}`");
        assert_eq!(refused(&mut stage, ann).message, message);
    }
}
