//! Topics that are idle are forgotten, unless a message of them waits for somebody.

use std::time::Duration;

use broker_core::{Config, SequencerConfig};
use broker_protocol::Codec;
use broker_protocol::frame::{ClientFrame, Keep, LaneOptions, Overflow, Publish};

use crate::stage::{Stage, in_lane};

const FORGET_AFTER: Duration = Duration::from_secs(10);

fn stage() -> Stage {
    let sequencer = SequencerConfig { forget_after: FORGET_AFTER, ..SequencerConfig::default() };
    let mut config = Config::default();
    // A client that takes nothing isn't ended for that.
    config.liveness.ping_interval = Duration::from_secs(1 << 20);
    Stage::with_absence(config, sequencer, Codec::Bincode)
}

/// So much time passes that what is idle is forgotten, and the shard is asked.
fn pass(stage: &mut Stage, client: u32) {
    stage.pass(FORGET_AFTER);
    // Topics are looked at when anything is asked.
    for _ in 0..3 {
        stage.pass(Duration::from_millis(100));
        stage.publish(client, "clock", b"x");
    }
}

fn epoch(stage: &mut Stage, publisher: u32, reader: u32, topic: &str) -> u64 {
    stage.packets(reader);
    stage.publish(publisher, topic, b"x");
    let messages = stage.messages(reader);
    messages.iter().find(|message| message.topic == topic).expect("it comes").epoch
}

/// A publisher and a reader of everything, and one that takes nothing and wants this.
fn scene(wants: &ClientFrame<'_>) -> (Stage, [u32; 3]) {
    let mut stage = stage();
    let clients = [stage.enter("ann"), stage.enter("bob"), stage.enter("eve")];
    let [_, bob, eve] = clients;
    stage.subscribe(bob, ">");
    stage.say(eve, wants);
    stage.set_room(eve, 0);
    (stage, clients)
}

fn wants_everything(options: LaneOptions) -> ClientFrame<'static> {
    in_lane("a.*", 1, options)
}

#[test]
fn a_topic_of_which_nothing_waits_is_forgotten() {
    let (mut stage, [ann, bob, eve]) = scene(&wants_everything(LaneOptions::default()));
    stage.set_room(eve, usize::MAX);
    let first = epoch(&mut stage, ann, bob, "a.a");
    pass(&mut stage, ann);
    assert_eq!(stage.sequencer.topics(), 1, "the clock alone");
    assert!(epoch(&mut stage, ann, bob, "a.a") > first);
}

#[test]
fn a_topic_of_which_a_message_waits_keeps_its_epoch_until_it_was_sent() {
    for keep in [Keep::All, Keep::Latest(1), Keep::Merge] {
        let overflow = Some(Overflow::DropOldest);
        let options = LaneOptions { keep: Some(keep), overflow, ..LaneOptions::default() };
        let (mut stage, [ann, bob, eve]) = scene(&wants_everything(options));
        let first = epoch(&mut stage, ann, bob, "a.a");
        epoch(&mut stage, ann, bob, "a.a");
        pass(&mut stage, ann);
        pass(&mut stage, ann);
        assert_eq!(epoch(&mut stage, ann, bob, "a.a"), first, "{keep:?}");
        assert!(stage.sequencer.statistics().topics_waited > 0);
        stage.set_room(eve, usize::MAX);
        stage.turn();
        pass(&mut stage, ann);
        pass(&mut stage, ann);
        assert!(epoch(&mut stage, ann, bob, "a.a") > first, "{keep:?}");
    }
}

#[test]
fn what_waits_of_one_topic_keeps_no_other() {
    let (mut stage, [ann, bob, _]) = scene(&wants_everything(LaneOptions::default()));
    // It is in front of all others, and holds the log for all of them.
    let waits = epoch(&mut stage, ann, bob, "a.a");
    let others: Vec<String> = (0..200).map(|number| format!("b.{number}")).collect();
    for topic in &others {
        stage.publish(ann, topic, &[0; 1000]);
    }
    for _ in 0..8 {
        pass(&mut stage, ann);
    }
    assert_eq!(stage.sequencer.topics(), 2, "`a.a`, and the clock");
    assert_eq!(epoch(&mut stage, ann, bob, "a.a"), waits);
}

#[test]
fn what_was_dropped_keeps_no_topic() {
    let overflow = Some(Overflow::DropOldest);
    let options = LaneOptions { overflow, bound_messages: Some(2), ..LaneOptions::default() };
    let (mut stage, [ann, bob, _]) = scene(&wants_everything(options));
    let first = epoch(&mut stage, ann, bob, "a.a");
    for topic in ["a.b", "a.c"] {
        stage.publish(ann, topic, b"x");
        stage.publish(ann, topic, b"x");
    }
    pass(&mut stage, ann);
    pass(&mut stage, ann);
    assert!(epoch(&mut stage, ann, bob, "a.a") > first, "two others wait");
}

#[test]
fn a_topic_of_which_a_message_waits_for_somebody_away_is_not_forgotten() {
    let (mut stage, [ann, bob, eve]) = scene(&wants_everything(LaneOptions::default()));
    stage.lose(eve);
    let first = epoch(&mut stage, ann, bob, "a.a");
    pass(&mut stage, ann);
    pass(&mut stage, ann);
    assert_eq!(epoch(&mut stage, ann, bob, "a.a"), first);
}

#[test]
fn a_topic_of_which_a_message_may_not_have_arrived_where_somebody_is_away_is_not_forgotten() {
    let (mut stage, [ann, bob, eve]) = scene(&wants_everything(LaneOptions::default()));
    stage.set_room(eve, usize::MAX);
    let first = epoch(&mut stage, ann, bob, "a.a");
    stage.lose(eve);
    pass(&mut stage, ann);
    pass(&mut stage, ann);
    assert_eq!(epoch(&mut stage, ann, bob, "a.a"), first);
}

/// Who isn't there, and is to get this many messages of ten topics, each a piece of its lane alone.
fn many_away(clients: u32, messages: usize) -> (Stage, [u32; 2]) {
    let mut stage = stage();
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    stage.subscribe(bob, ">");
    for number in 0..clients {
        let client = stage.enter(&format!("eve-{number}"));
        stage.subscribe(client, "a.*");
        stage.lose(client);
    }
    for number in 0..messages {
        stage.publish(ann, &format!("a.{}", number % 10), b"x");
        stage.publish(ann, "clock", b"x");
    }
    (stage, [ann, bob])
}

#[test]
fn no_turn_makes_more_steps_for_idle_topics_than_it_may_however_much_waits_for_those_away() {
    const MESSAGES: usize = 400;
    let (mut stage, [ann, bob]) = many_away(60, MESSAGES);
    // Nothing waits of this one, which isn't known before everybody was looked at.
    stage.publish(ann, "b", b"x");
    stage.packets(bob);
    stage.pass(FORGET_AFTER);
    stage.write(ann, &ClientFrame::Publish(Publish::bytes("clock", b"x")));
    let mut turns = 0;
    while stage.sequencer.statistics().topics_waited == 0 {
        stage.single_turn();
        turns += 1;
        assert!(turns < 100);
    }
    assert!(turns > 2, "there is more to do than a turn does: {turns}");
    let most = stage.shard.statistics().idle_steps_most;
    assert!(most >= 10_000, "what is looked at is counted: {most}");
    assert!(most < 10_000 + 3 * MESSAGES as u64, "one lane more at most: {most}");
    assert_eq!(stage.sequencer.statistics().topics_waited, 10);
    assert_eq!(stage.sequencer.topics(), 11, "`b` is forgotten");
}

#[test]
fn nobody_else_is_looked_at_once_something_is_known_to_wait_of_every_topic() {
    let (mut stage, [ann, _]) = many_away(60, 400);
    stage.pass(FORGET_AFTER);
    stage.publish(ann, "clock", b"x");
    stage.pass(Duration::from_millis(100));
    assert_eq!(stage.sequencer.statistics().topics_waited, 10);
    let most = stage.shard.statistics().idle_steps_most;
    assert!(most < 3000, "{most}");
}
