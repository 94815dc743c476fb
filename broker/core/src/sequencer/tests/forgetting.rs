//! When a topic is forgotten.

use super::*;

#[test]
fn a_topic_is_forgotten_after_its_time_and_not_earlier_and_comes_back_in_a_later_epoch() {
    let forget_after = Duration::from_secs(10);
    let mut stage = Stage::new(SequencerConfig { forget_after, ..SequencerConfig::default() });
    stage.subscribe(messages(BOB, ">"));
    assert_eq!(stage.place("a"), (1000, 1));
    stage.now.monotonic = Duration::from_millis(9999);
    assert_eq!(stage.place("b"), (1000, 1));
    assert_eq!(stage.sequencer.topics(), 2);
    stage.now.monotonic = Duration::from_secs(10);
    let told = stage.publish(ANN, "b");
    assert_eq!(stage.sequencer.topics(), 2, "something of it may wait");
    let told = stage.answer(&told, 1, &[]);
    assert_eq!(forgotten(&told), 1);
    assert_eq!(stage.place("b"), (1000, 3), "it was used in time");
    assert_eq!(stage.place("a"), (1001, 1));
}

/// `a` reached both shards, `b` one, `c` none.
fn idle() -> (Stage, Vec<(ShardId, Item)>) {
    let config = SequencerConfig { forget_after: FORGET_AFTER, ..SequencerConfig::default() };
    let mut stage = Stage::new(config);
    stage.subscribe(messages(ANN, "a"));
    stage.subscribe(messages(BOB, "*"));
    stage.publish(ANN, "a");
    stage.publish(ANN, "b");
    stage.carry_out(b"", Command::Unsubscribe { standing: Box::new(messages(BOB, "*")), id: None });
    stage.publish(ANN, "c");
    stage.now.monotonic += FORGET_AFTER;
    let told =
        stage.carry_out(b"", Command::Cancel { token: Token { shard: ShardId(0), number: 1 } });
    (stage, told)
}

#[test]
fn a_topic_that_reached_nobody_is_forgotten_at_once_and_others_when_all_shards_have_answered() {
    let (mut stage, told) = idle();
    assert_eq!(stage.sequencer.topics(), 2, "nobody had anything of `c`");
    assert_eq!((asked(&told, 0).len(), asked(&told, 1).len()), (2, 2));
    assert_eq!(forgotten(&stage.answer(&told, 0, &[])), 0);
    let told = stage.answer(&told, 1, &[]);
    assert_eq!(forgotten(&told), 3, "`a` in two shards, `b` in one");
    assert_eq!(stage.sequencer.topics(), 0);
    assert!(stage.sequencer.topics.keeps_nothing());
}

#[test]
fn a_topic_of_which_something_waits_is_asked_about_again_after_its_time() {
    let (mut stage, told) = idle();
    let waiting = asked(&told, 1)[..1].to_vec();
    stage.answer(&told, 0, &[]);
    stage.answer(&told, 1, &waiting);
    assert_eq!(stage.sequencer.topics(), 1);
    assert_eq!(stage.sequencer.statistics().topics_waited, 1);
    let nothing = || Command::Cancel { token: Token { shard: ShardId(0), number: 1 } };
    stage.now.monotonic += FORGET_AFTER - Duration::from_millis(1);
    assert_eq!(asked(&stage.carry_out(b"", nothing()), 1), []);
    stage.now.monotonic += Duration::from_millis(1);
    let told = stage.carry_out(b"", nothing());
    assert_eq!(asked(&told, 1), waiting);
    stage.answer(&told, 0, &[]);
    stage.answer(&told, 1, &[]);
    assert_eq!(stage.sequencer.topics(), 0);
}

#[test]
fn a_topic_that_is_used_while_shards_are_asked_is_not_forgotten() {
    let (mut stage, told) = idle();
    stage.now.monotonic += Duration::from_millis(1);
    assert_eq!(stage.place("a"), (1000, 2));
    stage.answer(&told, 0, &[]);
    stage.answer(&told, 1, &[]);
    assert_eq!(stage.place("a"), (1000, 3));
    assert_eq!(stage.sequencer.topics(), 1);
}

#[test]
fn a_topic_whose_message_is_handed_back_while_shards_are_asked_is_not_forgotten() {
    let config = SequencerConfig { forget_after: FORGET_AFTER, ..SequencerConfig::default() };
    let mut stage = Stage::new(config);
    stage.subscribe(member(ANN));
    let told = stage.publish(ANN, "job");
    let publication = told.into_iter().find_map(|(_, item)| match item {
        Item::Message { publication, .. } => Some(Box::new(publication)),
        _ => None,
    });
    stage.subscribe(member(BOB));
    stage.now.monotonic += FORGET_AFTER;
    let told =
        stage.carry_out(b"", Command::Cancel { token: Token { shard: ShardId(0), number: 1 } });
    assert_eq!((asked(&told, 0).len(), asked(&told, 1).len()), (1, 0));
    let (standing, publication) = (Box::new(member(ANN)), publication.expect("it came"));
    stage.carry_out(b"", Command::HandBack { standing, publication });
    stage.answer(&told, 0, &[]);
    assert_eq!(stage.sequencer.topics(), 1, "it is on its way to somebody");
}

#[test]
fn no_more_topics_are_looked_at_in_a_batch_and_named_at_a_time_than_may_be() {
    let config = SequencerConfig { forget_after: FORGET_AFTER, ..SequencerConfig::default() };
    let mut stage = Stage::new(config);
    stage.subscribe(messages(BOB, ">"));
    (0..3000).for_each(|topic| _ = stage.publish(BOB, &topic.to_string()));
    stage.now.monotonic += FORGET_AFTER;
    let nothing = || Command::Cancel { token: Token { shard: ShardId(0), number: 1 } };
    let first = stage.carry_out(b"", nothing());
    assert_eq!(asked(&first, 1).len(), 64);
    for _ in 0..100 {
        assert_eq!(asked(&stage.carry_out(b"", nothing()), 1), [], "one question at a time");
    }
    assert_eq!(forgotten(&stage.answer(&first, 1, &[])), 64);
    stage.now.monotonic += Duration::from_millis(99);
    assert_eq!(asked(&stage.carry_out(b"", nothing()), 1), [], "and not too often");
    stage.now.monotonic += Duration::from_millis(1);
    let next = stage.carry_out(b"", nothing());
    assert_eq!(asked(&next, 1).len(), 1024);
}

#[test]
fn no_more_topics_are_named_at_a_time_where_some_are_forgotten_at_once() {
    let config = SequencerConfig { forget_after: FORGET_AFTER, ..SequencerConfig::default() };
    let mut stage = Stage::new(config);
    stage.publish(BOB, "to-nobody");
    stage.subscribe(messages(BOB, ">"));
    (0..3000).for_each(|topic| _ = stage.publish(BOB, &topic.to_string()));
    stage.now.monotonic += FORGET_AFTER;
    let nothing = || Command::Cancel { token: Token { shard: ShardId(0), number: 1 } };
    let first = stage.carry_out(b"", nothing());
    assert_eq!(asked(&first, 1).len(), 63);
    (0..100).for_each(|_| _ = stage.carry_out(b"", nothing()));
    stage.now.monotonic += Duration::from_millis(100);
    let next = stage.answer(&first, 1, &[]);
    assert_eq!(asked(&next, 1).len(), 1024);
}
