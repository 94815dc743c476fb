//! How many topics there may be, and on whose account.

use super::*;

/// Two topics of ann's, of which something waits in a shard, as that has said.
fn waiting(config: SequencerConfig) -> Stage {
    let mut stage = Stage::new(SequencerConfig { forget_after: FORGET_AFTER, ..config });
    stage.subscribe(messages(BOB, ">"));
    for topic in ["a", "b"] {
        assert_eq!(refusals(&stage.publish(ANN, topic)), []);
        stage.now.monotonic += Duration::from_millis(1);
    }
    stage.now.monotonic += FORGET_AFTER;
    let nothing = Command::Cancel { token: Token { shard: ShardId(0), number: 1 } };
    let told = stage.carry_out(b"", nothing);
    let waiting = asked(&told, 1);
    assert_eq!(waiting.len(), 2);
    stage.answer(&told, 1, &waiting);
    stage
}

#[test]
fn what_waits_for_others_costs_a_session_none_of_its_topics() {
    let config = SequencerConfig { topics_per_session_max: 2, ..SequencerConfig::default() };
    let mut stage = waiting(config);
    let told = stage.publish(ANN, "c");
    assert_eq!((refusals(&told), forgotten(&told)), (vec![], 1), "the one that is idle longest");
    assert_eq!(stage.place("b"), (1000, 2));
    assert_eq!(stage.sequencer.statistics().topics_displaced, 1);
    assert_eq!(refusals(&stage.publish(ANN, "d")), [ErrorCode::TooManyTopics], "both are in use");
    assert_eq!(refusals(&stage.publish(EVE, "a")), []);
    assert_eq!(stage.place("a"), (1001, 2), "it came back in a new epoch");
    assert_eq!(stage.sequencer.topics(), 3);
}

#[test]
fn what_waits_for_some_costs_nobody_room_for_topics() {
    let mut stage = waiting(SequencerConfig { topics_max: 2, ..SequencerConfig::default() });
    let told = stage.publish(EVE, "c");
    assert_eq!((refusals(&told), forgotten(&told)), (vec![], 1));
    assert_eq!(stage.place("b"), (1000, 2));
    assert_eq!(refusals(&stage.publish(EVE, "d")), [ErrorCode::TooManyTopics], "both are in use");
    assert_eq!(stage.sequencer.statistics().topics_displaced, 1);
    stage.now.monotonic += 2 * FORGET_AFTER;
    stage.carry_out(b"", Command::Close { session: ANN, name: "ann".into() });
    assert_eq!(refusals(&stage.publish(EVE, "d")), [], "and those that nobody uses any more");
}

#[test]
fn at_its_own_limit_a_session_is_refused_before_patterns_are_looked_at() {
    let allows = |filter: &str| crate::Pattern {
        filter: filter.to_owned(),
        topics_max: Some(1),
        ..Default::default()
    };
    let policies = crate::Policies::new(vec![allows(">")]);
    let config =
        SequencerConfig { policies, topics_per_session_max: 1, ..SequencerConfig::default() };
    let mut topics = Topics::new(config, 1);
    assert!(topics.accept("a", ANN, Duration::ZERO).is_ok());
    let refused = |topics: &mut Topics, session| {
        topics.accept("b", session, Duration::ZERO).expect_err("there is a limit")
    };
    assert!(matches!(refused(&mut topics, ANN), topics::TopicsFull::Session { .. }));
    assert!(matches!(refused(&mut topics, BOB), topics::TopicsFull::Pattern { .. }));
}

#[test]
fn the_last_topic_is_made_and_the_next_is_refused_while_known_ones_go_on() {
    let mut stage = Stage::new(SequencerConfig { topics_max: 2, ..SequencerConfig::default() });
    assert_eq!(refusals(&stage.publish(ANN, "a")), []);
    assert_eq!(refusals(&stage.publish(ANN, "b")), []);
    assert_eq!(refusals(&stage.publish(ANN, "c")), [ErrorCode::TooManyTopics]);
    assert_eq!(refusals(&stage.publish(ANN, "a")), []);
}

#[test]
fn one_session_makes_no_more_topics_than_it_may_and_hinders_nobody_else() {
    let config = SequencerConfig { topics_per_session_max: 1, ..SequencerConfig::default() };
    let mut stage = Stage::new(config);
    assert_eq!(refusals(&stage.publish(ANN, "a")), []);
    assert_eq!(refusals(&stage.publish(ANN, "b")), [ErrorCode::TooManyTopics]);
    assert_eq!(refusals(&stage.publish(BOB, "b")), []);
    assert_eq!(refusals(&stage.publish(ANN, "b")), [], "made by another");
}

#[test]
fn a_session_that_is_gone_makes_room_and_one_that_lives_does_not() {
    let config =
        SequencerConfig { topics_max: 3, topics_per_session_max: 2, ..SequencerConfig::default() };
    let mut stage = Stage::new(config);
    stage.subscribe(messages(BOB, ">"));
    for topic in ["a", "b"] {
        assert_eq!(refusals(&stage.publish(ANN, topic)), []);
    }
    assert_eq!(refusals(&stage.publish(BOB, "c")), []);
    assert_eq!(refusals(&stage.publish(EVE, "d")), [ErrorCode::TooManyTopics]);
    stage.carry_out(b"", Command::Close { session: ANN, name: "ann".into() });
    let told = stage.publish(EVE, "d");
    assert_eq!(forgotten(&told), 1);
    assert_eq!(stage.place("b"), (1000, 2), "only as many make room as must");
    assert_eq!(refusals(&stage.publish(EVE, "a")), [ErrorCode::TooManyTopics], "`b` is in use");
    assert_eq!(stage.sequencer.topics(), 3);
}

#[test]
fn a_session_that_comes_again_and_again_leaves_nothing_behind_but_topics_that_are_known() {
    let config = SequencerConfig { topics_max: 10, ..SequencerConfig::default() };
    let mut stage = Stage::new(config);
    for slot in 0..100 {
        let session = session(0, slot);
        for number in 0..5 {
            assert_eq!(refusals(&stage.publish(session, &format!("{slot}-{number}"))), []);
        }
        stage.carry_out(b"", Command::Close { session, name: "ann".into() });
    }
    assert_eq!(stage.sequencer.topics(), 10);
    stage.now.monotonic += SequencerConfig::default().forget_after;
    stage.carry_out(b"", Command::Close { session: ANN, name: "ann".into() });
    assert_eq!(stage.sequencer.topics(), 0);
    assert!(stage.sequencer.topics.keeps_nothing());
}
