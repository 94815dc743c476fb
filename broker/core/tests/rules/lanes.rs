//! Lanes, their bounds and what goes into a packet.

use broker_core::{Config, Limits, SequencerConfig, Unserved};
use broker_delivery::lane::{Bound, LaneOptions as Granted, Overflow as GrantedOverflow};
use broker_protocol::frame::{BrokerFrame, ClientFrame, LaneOptions, Overflow, Publish};
use broker_protocol::{Codec, ErrorCode, frames_in_packet};

use crate::stage::{Stage, in_group, in_lane, send};

fn dropping(messages: u32) -> LaneOptions {
    LaneOptions {
        overflow: Some(Overflow::DropOldest),
        bound_messages: Some(messages),
        ..LaneOptions::default()
    }
}

fn bounded(overflow: GrantedOverflow, messages: u32) -> Config {
    let bound = Bound { messages, ..Bound::default() };
    Config { lane: Granted { overflow, bound, ..Granted::default() }, ..Config::default() }
}

fn publish(topic: &str) -> ClientFrame<'_> {
    ClientFrame::Publish(Publish::bytes(topic, b"x"))
}

/// Ann, who publishes, and Bob, whose link takes nothing and for whom as much waits as may.
fn at_the_bound() -> (Stage, u32, u32) {
    let mut stage = Stage::new(bounded(GrantedOverflow::Disconnect, 3));
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    stage.subscribe(bob, "a");
    stage.set_room(bob, 0);
    for _ in 0..3 {
        stage.publish(ann, "a", b"x");
    }
    (stage, ann, bob)
}

#[test]
fn a_slow_consumer_is_ended_at_the_message_beyond_its_bound() {
    let (mut stage, ann, bob) = at_the_bound();
    assert_eq!(stage.ended(bob), None);
    stage.publish(ann, "a", b"x");
    assert_eq!(stage.ended(bob), Some(ErrorCode::SlowConsumer));
}

#[test]
fn a_client_whose_link_has_made_room_is_offered_what_waits_before_it_is_judged() {
    let (mut stage, ann, bob) = at_the_bound();
    stage.set_room(bob, usize::MAX);
    for _ in 0..2 {
        stage.write(ann, &publish("a"));
    }
    stage.turn();
    assert_eq!(stage.ended(bob), None);
    assert_eq!(stage.messages(bob).len(), 5);
}

#[test]
fn a_client_that_refuses_what_it_is_offered_is_ended_if_more_waits_than_may() {
    let (mut stage, ann, bob) = at_the_bound();
    // It says that it has room, and has none.
    stage.set_room(bob, 0);
    stage.write(ann, &publish("a"));
    stage.turn();
    assert_eq!(stage.ended(bob), Some(ErrorCode::SlowConsumer));
}

#[test]
fn what_came_for_those_who_wait_for_their_turn_is_counted_until_they_had_it() {
    let mut stage = Stage::new(Config::default());
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    let carl = stage.enter("carl");
    stage.subscribe(bob, "a");
    stage.subscribe(carl, "b");
    assert_eq!(stage.shard.unserved(), Unserved::default());
    for _ in 0..2 {
        stage.write(ann, &publish("a"));
    }
    stage.turn_without_flush();
    let Unserved { bytes, lane_bytes } = stage.shard.unserved();
    assert!(bytes > 0 && lane_bytes == bytes);
    // Of what one lane has, another one's is no part.
    stage.write(ann, &publish("b"));
    stage.turn_without_flush();
    let unserved = Unserved { bytes: bytes * 3 / 2, lane_bytes };
    assert_eq!(stage.shard.unserved(), unserved, "three of one size");
    stage.turn();
    assert_eq!(stage.shard.unserved(), Unserved::default());
    // What a blocked link holds up isn't owed by the broker.
    stage.set_room(bob, 0);
    (0..2).for_each(|_| stage.publish(ann, "a", b"x"));
    assert_eq!(stage.shard.unserved(), Unserved::default());
}

#[test]
fn a_gap_stands_where_the_oldest_were_dropped_and_counts_them() {
    let mut stage = Stage::new(Config::default());
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    stage.say(bob, &in_lane("a", 1, dropping(10)));
    stage.set_room(bob, 0);
    for _ in 0..12 {
        stage.publish(ann, "a", b"x");
    }
    stage.frames(bob);
    stage.set_room(bob, usize::MAX);
    stage.turn();
    let told: Vec<_> = stage
        .frames(bob)
        .into_iter()
        .filter_map(|frame| match frame {
            BrokerFrame::Gap(gap) => Some((gap.first_seq, gap.last_seq, gap.count)),
            BrokerFrame::Message(message) => Some((Some(message.seq), None, 1)),
            _ => None,
        })
        .collect();
    // The gap counts against the bound too: nine messages and it.
    assert_eq!(told[0], (Some(1), Some(3), 3));
    assert_eq!(told[1], (Some(4), None, 1));
    assert_eq!(told.len(), 10);
}

#[test]
fn a_send_without_room_is_busy_and_costs_nobody_else_anything() {
    for overflow in [GrantedOverflow::Disconnect, GrantedOverflow::DropOldest] {
        let mut stage = Stage::new(bounded(overflow, 4));
        let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
        stage.set_room(bob, 0);
        for id in 1..=4 {
            stage.say(ann, &send(id, "bob", b"x"));
            assert_eq!(stage.refused(ann), None, "{id}");
        }
        stage.say(ann, &send(5, "bob", b"x"));
        assert_eq!(stage.refused(ann), Some(ErrorCode::Busy));
        assert_eq!(stage.ended(bob), None);
        stage.set_room(bob, usize::MAX);
        stage.turn();
        assert_eq!(stage.messages(bob).len(), 4);
    }
}

#[test]
fn a_send_that_misses_the_bound_in_bytes_by_its_frame_is_busy_too() {
    let mut config = bounded(GrantedOverflow::Disconnect, 100);
    config.lane.bound.bytes = 200;
    let mut stage = Stage::new(config);
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    stage.set_room(bob, 0);
    for id in 1..=60 {
        stage.say(ann, &send(id, "bob", &[b'x'; 3]));
    }
    assert_eq!(stage.ended(bob), None);
    assert_eq!(stage.refused(ann), Some(ErrorCode::Busy));
}

#[test]
fn a_message_to_one_client_is_never_left_out_of_a_run_of_json() {
    let sequencer = SequencerConfig::default();
    let mut stage = Stage::with(Config::default(), sequencer, Codec::Json);
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    stage.subscribe(bob, "a");
    stage.frames(bob);
    for frame in [
        ClientFrame::Publish(Publish::bytes("a", b"1")),
        send(1, "bob", b"2"),
        ClientFrame::Publish(Publish::bytes("a", b"3")),
    ] {
        stage.write(ann, &frame);
    }
    stage.turn();
    let payloads: Vec<_> = stage.messages(bob).iter().map(|m| m.body.payload.to_vec()).collect();
    assert_eq!(payloads, [b"1", b"2", b"3"]);
}

#[test]
fn lanes_of_equal_priority_take_turns_and_a_higher_one_goes_first() {
    let limits = Limits { packet_bytes_max: 512, ..Limits::default() };
    let mut stage = Stage::new(Config { limits, ..Config::default() });
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    for (lane, priority) in [(1, 0), (2, 0), (3, 5)] {
        let options = LaneOptions { priority: Some(priority), ..LaneOptions::default() };
        stage.say(bob, &in_lane("a", lane, options));
    }
    stage.frames(bob);
    stage.set_room(bob, 0);
    for _ in 0..3 {
        stage.publish(ann, "a", &[b'x'; 400]);
    }
    stage.set_room(bob, usize::MAX);
    stage.turn();
    // The last `accepted` came in lane 3: what follows is of that lane too.
    let (mut lane, mut lanes) = (3, Vec::new());
    for frame in stage.frames(bob) {
        match frame {
            BrokerFrame::Lane(header) => lane = header.lane,
            BrokerFrame::Message(_) => lanes.push(lane),
            _ => {}
        }
    }
    assert_eq!(lanes, [3, 3, 3, 1, 2, 1, 2, 1, 2]);
}

#[test]
fn answers_that_wait_are_cut_into_packets_like_everything() {
    let limits = Limits { packet_bytes_max: 512, ..Limits::default() };
    let mut stage = Stage::new(Config { limits, ..Config::default() });
    let ann = stage.enter("ann");
    stage.set_room(ann, 0);
    for id in 1..=500 {
        let publish = Publish { id: Some(id), ..Publish::bytes("a", b"") };
        stage.write(ann, &ClientFrame::Publish(publish));
    }
    stage.turn();
    stage.set_room(ann, usize::MAX);
    stage.turn();
    let packets = stage.packets(ann);
    assert!(packets.iter().all(|packet| packet.len() <= 512));
    let frames = |packet: &Vec<u8>| frames_in_packet(Codec::Bincode, packet, usize::MAX).count();
    assert_eq!(packets.iter().map(frames).sum::<usize>(), 500);
}

#[test]
fn a_stalled_client_costs_its_bound_and_a_constant_however_much_is_published() {
    let log_bytes_max = 100_000;
    let mut stage = Stage::new(Config { log_bytes_max, ..Config::default() });
    let (ann, bob, eve) = (stage.enter("ann"), stage.enter("bob"), stage.enter("eve"));
    let lane_bytes = 50_000;
    for (client, filter) in [(bob, "rare"), (eve, ">")] {
        let options = LaneOptions { bound_bytes: Some(lane_bytes), ..dropping(4096) };
        stage.say(client, &in_lane(filter, 1, options));
    }
    stage.set_room(bob, 0);
    stage.publish(ann, "rare", &[b'x'; 1000]);
    let mut most = 0;
    for number in 0..1000 {
        let stalls = number > 500;
        stage.set_room(eve, if stalls { 0 } else { usize::MAX });
        stage.publish(ann, "often", &[b'x'; 10_000]);
        stage.packets(eve);
        most = most.max(stage.shard.log_bytes());
    }
    // Thrice what both laggards may want, and what is written between two looks.
    let allowed = log_bytes_max + 3 * 2 * lane_bytes as usize + (64 << 10);
    assert!(most <= allowed, "{most} bytes were held; {allowed} are allowed");
    for client in [bob, eve] {
        stage.set_room(client, usize::MAX);
    }
    stage.turn();
    assert_eq!(stage.messages(bob).len(), 1, "what it wants outlives everything around it");
    assert_eq!(stage.shard.log_bytes(), 0);
}

#[test]
fn one_message_of_each_of_many_topics_pins_none_of_what_was_published_around_them() {
    let mut stage = Stage::new(Config::default());
    let (ann, eve) = (stage.enter("ann"), stage.enter("eve"));
    stage.subscribe(eve, "often");
    let laggards: Vec<u32> = (0..100)
        .map(|number| {
            let slot = stage.enter(&format!("laggard-{number}"));
            stage.subscribe(slot, &format!("rare.{number}"));
            stage.set_room(slot, 0);
            slot
        })
        .collect();
    let mut most = 0;
    for number in 0..1000 {
        if number % 10 == 0 {
            stage.publish(ann, &format!("rare.{}", number / 10), &[b'x'; 1000]);
        }
        stage.publish(ann, "often", &[b'x'; 20_000]);
        stage.packets(eve);
        most = most.max(stage.shard.log_bytes());
    }
    let statistics = stage.shard.statistics();
    // 20 MB went by, and 100 messages of 1 kB are wanted.
    assert!(most < 3 * (256 << 10), "{most} bytes were held");
    assert!(statistics.log.copied_out >= 95, "{statistics:?}");
    assert_eq!(statistics.survivors, statistics.log.copied_out);
    let most_of_all = statistics.log_bytes_most as usize;
    assert!((most..3 * (256 << 10)).contains(&most_of_all), "{most_of_all} bytes in a turn");
    assert!(statistics.log.looks < 100, "{statistics:?}");
    for slot in laggards {
        stage.set_room(slot, usize::MAX);
        stage.turn();
        assert_eq!(stage.messages(slot).len(), 1);
    }
    let statistics = stage.shard.statistics();
    assert_eq!((statistics.log_bytes, statistics.survivors), (0, 0));
}

#[test]
fn a_blocked_client_is_not_written_to_for_what_is_published_meanwhile() {
    for overflow in [GrantedOverflow::Disconnect, GrantedOverflow::DropOldest] {
        let mut stage = Stage::new(bounded(overflow, 500));
        let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
        stage.subscribe(bob, "a");
        stage.set_room(bob, 0);
        stage.publish(ann, "a", b"first");
        let refusals = stage.refusals(bob);
        for _ in 0..400 {
            stage.publish(ann, "a", b"x");
        }
        assert_eq!(stage.refusals(bob), refusals, "its link was offered something again");
    }
}

#[test]
fn options_beyond_what_a_lane_can_be_are_refused_and_open_no_lane() {
    let mut stage = Stage::new(Config::default());
    let ann = stage.enter("ann");
    let none = LaneOptions::default;
    let pairs = [
        (LaneOptions { priority: Some(8), ..none() }, LaneOptions { priority: Some(7), ..none() }),
        (
            LaneOptions { bound_messages: Some(0), ..none() },
            LaneOptions { bound_messages: Some(1), ..none() },
        ),
        (
            LaneOptions { bound_bytes: Some(0), ..none() },
            LaneOptions { bound_bytes: Some(1), ..none() },
        ),
    ];
    for (lane, (beyond, within)) in (1..).zip(pairs) {
        stage.say(ann, &in_lane("a", lane, beyond.clone()));
        let [BrokerFrame::Rejected(rejected)] = &stage.frames(ann)[..] else {
            panic!("a refusal is expected for {beyond:?}");
        };
        let field = rejected.field.as_deref();
        assert_eq!((rejected.code, field), (ErrorCode::InvalidField, Some("options")));
        stage.say(ann, &in_lane("a", lane, within.clone()));
        assert_eq!(stage.refused(ann), None, "{within:?}");
    }
}

/// What a client heard, each message or gap with the subscription that it was told to be for.
fn heard_by(frames: Vec<BrokerFrame<'static>>) -> Vec<(Option<u64>, String, u64)> {
    let mut addressee = None;
    let mut heard = Vec::new();
    for frame in frames {
        match frame {
            BrokerFrame::Lane(header) => addressee = header.subscription,
            BrokerFrame::Message(message) => heard.push((addressee, message.topic.into(), 1)),
            BrokerFrame::Gap(gap) => {
                heard.push((addressee, gap.topic.unwrap_or_default(), gap.count));
            }
            _ => {}
        }
    }
    heard
}

#[test]
fn a_gap_is_told_to_those_who_miss_something_and_counts_only_that() {
    let mut stage = Stage::new(bounded(GrantedOverflow::DropOldest, 80));
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    stage.subscribe(bob, "plain");
    stage.say(bob, &in_group("group", "g"));
    stage.publish(ann, "group", b"x");
    stage.frames(bob);
    stage.set_room(bob, 0);
    for _ in 0..200 {
        stage.publish(ann, "plain", b"x");
        stage.publish(ann, "group", b"x");
    }
    stage.set_room(bob, usize::MAX);
    stage.turn();
    let heard = heard_by(stage.frames(bob));
    let sum = |addressee, topic: &str| -> u64 {
        let of = heard.iter().filter(|one| one.0 == addressee && one.1 == topic);
        of.map(|(_, _, count)| count).sum()
    };
    assert_eq!((sum(None, "plain"), sum(Some(2), "group")), (200, 200), "{heard:?}");
}

#[test]
fn lanes_of_lower_priority_get_every_eighth_byte_however_large_packets_are() {
    for (high, low) in [(400, 400), (400, 4000), (4000, 400), (60_000, 60_000), (100, 60_000)] {
        let mut config = Config::default();
        config.lane.bound = Bound { messages: 1 << 20, bytes: 1 << 30 };
        let mut stage = Stage::new(config);
        let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
        for (topic, lane, priority) in [("high", 1, 7), ("low", 2, 0)] {
            let options = LaneOptions { priority: Some(priority), ..LaneOptions::default() };
            stage.say(bob, &in_lane(topic, lane, options));
        }
        stage.packets(bob);
        stage.set_room(bob, 0);
        for (topic, size) in [("high", high), ("low", low)] {
            for _ in 0..4_000_000 / size {
                stage.write(ann, &ClientFrame::Publish(Publish::bytes(topic, &vec![b'x'; size])));
            }
        }
        stage.turn();
        let mut sent = [0, 0];
        while sent[0] < 2_000_000 {
            stage.set_room(bob, 1);
            stage.turn();
            for frame in stage.frames(bob) {
                if let BrokerFrame::Message(message) = frame {
                    sent[usize::from(message.topic == "low")] += message.body.payload.len();
                }
            }
        }
        // Small messages are larger as frames.
        let most = sent[0] / 6 + 60_000;
        assert!(sent[1] > sent[0] / 9 && sent[1] <= most, "{high} and {low} bytes each: {sent:?}");
    }
}

#[test]
fn the_turn_of_lower_lanes_is_nobodys_turn_when_only_they_are_left() {
    let limits = Limits { packet_bytes_max: 512, ..Limits::default() };
    let mut stage = Stage::new(Config { limits, ..Config::default() });
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    for (filter, lane, priority) in [("high", 1, 7), ("low", 2, 0)] {
        let options = LaneOptions { priority: Some(priority), ..LaneOptions::default() };
        stage.say(bob, &in_lane(filter, lane, options));
    }
    stage.packets(bob);
    stage.set_room(bob, 0);
    // As many as leave before it is the lower lane's turn, and then none of them is left.
    for _ in 0..25 {
        stage.publish(ann, "high", &[b'x'; 400]);
    }
    stage.publish(ann, "low", b"x");
    stage.set_room(bob, usize::MAX);
    stage.turn();
    assert_eq!(stage.messages(bob).len(), 26);
}

#[test]
fn a_lane_of_lower_priority_whose_channel_is_held_up_stops_no_higher_one() {
    let limits = Limits { packet_bytes_max: 512, ..Limits::default() };
    let mut stage = Stage::new(Config { limits, ..Config::default() });
    let ann = stage.enter("ann");
    stage.separate_lanes = true;
    let bob = stage.enter("bob");
    for (lane, priority) in [(1, 7), (2, 0)] {
        let options = LaneOptions { priority: Some(priority), ..LaneOptions::default() };
        stage.say(bob, &in_lane("a", lane, options));
    }
    stage.set_room(bob, 0);
    for _ in 0..40 {
        stage.publish(ann, "a", &[b'x'; 400]);
    }
    stage.packets(bob);
    stage.held_lane = Some(2);
    stage.set_room(bob, usize::MAX);
    stage.turn();
    assert_eq!(stage.packets(bob).len(), 40, "all of lane 1, though its share of turns is over");
}
