//! How much of a conflating lane is on its way, beside everything else that a session has.

use std::collections::VecDeque;
use std::time::Duration;

use broker_core::{Config, Deadline};
use broker_delivery::lane::Overflow as GrantedOverflow;
use broker_protocol::frame::{
    BrokerFrame, ClientFrame, Connect, Keep, LaneOptions, Overflow, Pong, Publish, Update,
};

use crate::stage::{Stage, in_group, in_lane};

fn latest() -> LaneOptions {
    LaneOptions { keep: Some(Keep::Latest(1)), ..LaneOptions::default() }
}

fn pong(mark: u64) -> ClientFrame<'static> {
    ClientFrame::Pong(Pong { mark: Some(mark), lag: Vec::new() })
}

fn marks(frames: &[BrokerFrame<'_>]) -> Vec<u64> {
    let pings = frames.iter().filter_map(|frame| match frame {
        BrokerFrame::Ping(ping) => Some(ping.mark),
        _ => None,
    });
    pings.flatten().collect()
}

fn messages(frames: &[BrokerFrame<'_>], topic: &str) -> usize {
    let is_one =
        |frame: &&BrokerFrame<'_>| matches!(frame, BrokerFrame::Message(m) if m.topic == topic);
    frames.iter().filter(is_one).count()
}

/// Answers the marks that a client got, and returns all frames.
fn served(stage: &mut Stage, slot: u32) -> Vec<BrokerFrame<'static>> {
    let frames = stage.frames(slot);
    marks(&frames).into_iter().for_each(|mark| {
        _ = stage.write(slot, &pong(mark));
    });
    frames
}

#[test]
fn a_conflating_lane_goes_on_beside_one_that_keeps_the_link_full() {
    let mut config = Config::default();
    config.lane.overflow = GrantedOverflow::DropOldest;
    let mut stage = Stage::new(config);
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    stage.subscribe(bob, "a");
    stage.set_room(bob, 0);
    stage.say(bob, &in_lane("b", 1, LaneOptions { priority: Some(7), ..latest() }));
    let mut late = 0;
    for step in 0..100 {
        for _ in 0..10 {
            stage.write(ann, &ClientFrame::Publish(Publish::bytes("a", &[0; 60_000])));
        }
        stage.write(ann, &ClientFrame::Publish(Publish::bytes("b", &[0; 10_000])));
        stage.set_room(bob, 3);
        stage.pass(Duration::from_millis(50));
        let frames = served(&mut stage, bob);
        late += if step >= 50 { messages(&frames, "b") } else { 0 };
    }
    assert!(late > 10, "{late} messages in the second half");
}

#[test]
fn who_answers_the_newest_of_several_marks_alone_is_served_in_every_lane() {
    let mut stage = Stage::new(Config::default());
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    for (lane, topic) in [(1, "a"), (2, "b")] {
        stage.say(bob, &in_lane(topic, lane, latest()));
        served(&mut stage, bob);
    }
    let mut late = [0, 0];
    for step in 0..100 {
        for _ in 0..20 {
            for topic in ["a", "b"] {
                stage.write(ann, &ClientFrame::Publish(Publish::bytes(topic, &[0; 10_000])));
            }
        }
        stage.pass(Duration::from_millis(100));
        let frames = stage.frames(bob);
        if step >= 50 {
            late = [late[0] + messages(&frames, "a"), late[1] + messages(&frames, "b")];
        }
        if let Some(newest) = marks(&frames).pop() {
            stage.write(bob, &pong(newest));
        }
    }
    assert!(late[0] > 10 && late[1] > 10, "{late:?}");
}

#[test]
fn a_mark_that_was_lost_is_sent_again() {
    let mut stage = Stage::new(Config::default());
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    stage.say(bob, &in_lane("a", 1, latest()));
    for _ in 0..100 {
        stage.publish(ann, "a", &[0; 1000]);
    }
    // It answers nothing of all this, and speaks in between.
    stage.frames(bob);
    let mut received = 0;
    for _ in 0..200 {
        stage.say(bob, &ClientFrame::Publish(Publish::bytes("b", b"x")));
        stage.pass(Duration::from_millis(250));
        received += messages(&served(&mut stage, bob), "a");
    }
    assert!(received > 0, "the newest comes in the end");
}

#[test]
fn what_waits_is_sent_within_the_window_while_the_broker_stops() {
    let mut stage = Stage::new(Config::default());
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    stage.say(bob, &in_lane(">", 1, latest()));
    served(&mut stage, bob);
    for topic in 0..200 {
        stage.publish(ann, &format!("t{topic}"), &[0; 1000]);
    }
    stage.shard.drain();
    let mut received = 0;
    for _ in 0..50 {
        let frames = served(&mut stage, bob);
        received += frames.iter().filter(|it| matches!(it, BrokerFrame::Message(_))).count();
        stage.pass(Duration::from_millis(100));
        stage.shard.end_drained(Deadline::Ahead, Duration::ZERO);
    }
    assert_eq!(received, 200);
}

#[test]
fn a_member_whose_conflating_lane_has_enough_on_its_way_has_its_turn_in_the_group() {
    let mut stage = Stage::new(Config::default());
    let (ann, bob, cat) = (stage.enter("ann"), stage.enter("bob"), stage.enter("cat"));
    stage.say(bob, &in_lane("prices", 1, latest()));
    for member in [bob, cat] {
        stage.say(member, &in_group("jobs", "team"));
    }
    served(&mut stage, bob);
    for _ in 0..200 {
        stage.publish(ann, "prices", &[0; 1000]);
    }
    for member in [bob, cat] {
        stage.frames(member);
    }
    for _ in 0..10 {
        stage.publish(ann, "jobs", b"x");
    }
    let mut jobs = |member| messages(&stage.frames(member), "jobs");
    assert_eq!((jobs(bob), jobs(cat)), (5, 5));
}

#[test]
fn nothing_follows_the_end_that_an_update_brings() {
    let mut stage = Stage::new(Config::default());
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    let options = LaneOptions { overflow: Some(Overflow::Disconnect), ..latest() };
    stage.say(bob, &in_lane(">", 1, options));
    stage.frames(bob);
    stage.set_room(bob, 0);
    for topic in 0..10 {
        stage.publish(ann, &format!("t{topic}"), b"x");
    }
    let options = LaneOptions { bound_messages: Some(1), ..LaneOptions::default() };
    stage.say(bob, &ClientFrame::Update(Update { id: 9, lane: 1, options }));
    stage.set_room(bob, usize::MAX);
    stage.turn();
    let frames = stage.frames(bob);
    assert!(matches!(frames.last(), Some(BrokerFrame::Disconnect(_))), "{frames:?}");
}

/// A slow link with a buffer that takes whatever is written.
#[derive(Default)]
struct Narrow {
    buffer: VecDeque<Vec<u8>>,
    /// How many bytes more may leave it.
    bytes: usize,
}

impl Narrow {
    /// Lets so many bytes arrive: returns the frames among them, and answers marks if asked to.
    fn arrive(
        &mut self,
        stage: &mut Stage,
        slot: u32,
        bytes: usize,
        answers: bool,
    ) -> Vec<BrokerFrame<'static>> {
        self.buffer.extend(stage.packets(slot));
        self.bytes += bytes;
        let mut arrived = Vec::new();
        while let Some(packet) = self.buffer.pop_front_if(|packet| packet.len() <= self.bytes) {
            self.bytes -= packet.len();
            arrived.push(packet);
        }
        let frames = stage.frames_in(arrived);
        if answers {
            marks(&frames).into_iter().for_each(|mark| {
                _ = stage.write(slot, &pong(mark));
            });
        }
        frames
    }
}

/// How many bytes of each of several lanes arrive through 20 KB/s.
fn through_a_narrow_link<const LANES: usize>(
    lanes: [(&str, u64, LaneOptions); LANES],
    answers: bool,
) -> [usize; LANES] {
    let mut config = Config::default();
    config.lane.overflow = GrantedOverflow::DropOldest;
    let mut stage = Stage::new(config);
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    for ((name, _, options), number) in lanes.iter().zip(1..) {
        stage.say(bob, &in_lane(&format!("{name}.*"), number, options.clone()));
    }
    let (mut link, mut sums) = (Narrow::default(), [0; LANES]);
    for step in 0..1200 {
        for key in 0..10 {
            for (name, topics, _) in &lanes {
                let topic = format!("{name}.{}", (step + 7 * key) % topics);
                stage.write(ann, &ClientFrame::Publish(Publish::bytes(&topic, &[0; 400])));
            }
        }
        stage.pass(Duration::from_millis(50));
        for frame in link.arrive(&mut stage, bob, 1000, answers) {
            if let BrokerFrame::Message(message) = frame
                && step >= 600
            {
                let place = lanes.iter().position(|(name, ..)| message.topic.starts_with(name));
                sums[place.expect("it is of one of them")] += message.body.payload.len();
            }
        }
    }
    assert!(sums.iter().sum::<usize>() > 300_000, "the link was idle: {sums:?}");
    sums
}

/// The same of two, the first of which keeps the latest.
fn beside(latest_priority: u8, other: LaneOptions, answers: bool) -> (usize, usize) {
    let options = LaneOptions { priority: Some(latest_priority), ..latest() };
    let [latest, other] = through_a_narrow_link([("a", 100, options), ("b", 10, other)], answers);
    (latest, other)
}

#[test]
fn beside_a_lane_that_waits_for_its_link_lower_ones_get_an_eighth() {
    for lower in [LaneOptions::default(), latest()] {
        let (high, low) = beside(7, lower, true);
        assert!(low > 0 && high > 5 * low, "{high} and {low} bytes");
    }
}

#[test]
fn beside_a_lane_that_waits_for_its_link_equal_ones_get_half() {
    let (latest, all) = beside(0, LaneOptions::default(), true);
    assert!(latest > 2 * all / 3 && all > 2 * latest / 3, "{latest} and {all} bytes");
}

#[test]
fn beside_two_lanes_that_wait_for_their_link_an_equal_one_gets_as_much_as_each() {
    let lanes = [("a", 100, latest()), ("b", 100, latest()), ("c", 10, LaneOptions::default())];
    let sums = through_a_narrow_link(lanes, true);
    let (least, most) = (sums.iter().min().copied(), sums.iter().max().copied());
    assert!(least > most.map(|most| 2 * most / 3), "{sums:?} bytes");
}

#[test]
fn beside_a_lane_that_waits_for_its_link_equal_ones_dont_use_up_what_lower_ones_get() {
    let first = LaneOptions { priority: Some(7), ..LaneOptions::default() };
    let latest = LaneOptions { priority: Some(7), ..latest() };
    let lower = LaneOptions::default();
    let lanes = [("a", 100, latest), ("b", 10, first), ("c", 10, lower)];
    let [latest, equal, lower] = through_a_narrow_link(lanes, true);
    let sums = format!("{latest}, {equal} and {lower} bytes");
    assert!(latest > 2 * equal / 3 && equal > 2 * latest / 3, "{sums}");
    assert!(lower > latest / 14 && lower < latest / 4, "{sums}");
}

#[test]
fn beside_a_lane_that_waits_for_its_link_all_lower_ones_together_get_an_eighth() {
    let of = |priority| LaneOptions { priority: Some(priority), ..LaneOptions::default() };
    let first = LaneOptions { priority: Some(7), ..latest() };
    let lanes = [("a", 100, first), ("b", 10, of(3)), ("c", 10, of(3)), ("d", 10, of(3))];
    let [first, lower @ ..] = through_a_narrow_link(lanes, true);
    assert!(lower.iter().all(|one| *one > 0), "{lower:?} bytes");
    assert!(first > 5 * lower.iter().sum::<usize>(), "{first} and {lower:?} bytes");
}

#[test]
fn beside_a_lane_whose_client_answers_no_marks_others_go_on() {
    let (_, all) = beside(7, LaneOptions::default(), false);
    assert!(all > 100_000, "{all} bytes");
}

#[test]
fn beside_a_lane_whose_program_is_slow_others_go_on() {
    let mut stage = Stage::new(Config::default());
    let (ann, bob) = (stage.enter("ann"), stage.enter_with_credit("bob", 1 << 20));
    stage.say(bob, &in_lane("a.*", 1, LaneOptions { priority: Some(7), ..latest() }));
    stage.say(bob, &in_lane("b", 2, LaneOptions::default()));
    let others = |stage: &mut Stage| {
        (0..10).for_each(|_| stage.publish(ann, "b", &[0; 4000]));
    };
    // It reads all and consumes nothing: more than its window waits then.
    stage.publish(ann, "a.0", &[0; 4000]);
    marks(&stage.frames(bob)).into_iter().for_each(|mark| stage.say(bob, &pong(mark)));
    for key in 1..40 {
        stage.publish(ann, &format!("a.{key}"), &[0; 4000]);
    }
    let full = stage.frames(bob);
    let on_its_way = full.iter().filter(|one| matches!(one, BrokerFrame::Message(_))).count();
    assert!((10..40).contains(&on_its_way), "{on_its_way} on their way");
    assert!(marks(&full).is_empty(), "nothing waited beside it");
    others(&mut stage);
    let beside = stage.frames(bob);
    let few = messages(&beside, "b");
    marks(&beside).into_iter().for_each(|mark| stage.say(bob, &pong(mark)));
    others(&mut stage);
    let all = few + messages(&stage.frames(bob), "b");
    assert!(few < 10 && all == 20, "{few} before it was known that all was read, {all} then");
}

#[test]
fn beside_a_lane_of_which_a_mark_is_late_others_go_on() {
    let mut config = Config::default();
    config.lane.overflow = GrantedOverflow::DropOldest;
    let mut stage = Stage::new(config);
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    stage.say(bob, &in_lane("a.*", 1, LaneOptions { priority: Some(7), ..latest() }));
    stage.say(bob, &in_lane("b", 2, LaneOptions::default()));
    stage.publish(ann, "a.0", &[0; 4000]);
    marks(&stage.frames(bob)).into_iter().for_each(|mark| stage.say(bob, &pong(mark)));
    (1..40).for_each(|key| stage.publish(ann, &format!("a.{key}"), &[0; 4000]));
    (0..20).for_each(|_| stage.publish(ann, "b", &[0; 4000]));
    let first = messages(&stage.frames(bob), "b");
    stage.pass(Duration::from_secs(10));
    assert!(first < 20 && messages(&stage.frames(bob), "b") == 0, "{first}");
    // Nothing of what was for the other lane comes back any more, but the client is there.
    stage.say(bob, &ClientFrame::Pong(Pong { mark: None, lag: Vec::new() }));
    stage.pass(Duration::from_secs(6));
    stage.pass(Duration::from_secs(1));
    assert_eq!(first + messages(&stage.frames(bob), "b"), 20);
}

#[test]
fn beside_a_lane_of_which_a_mark_is_late_others_go_on_however_often_it_was_sent_again() {
    for ping_interval in [15_000, 4_000] {
        let mut config = Config::default();
        config.lane.overflow = GrantedOverflow::DropOldest;
        let mut stage = Stage::new(config);
        let (receive_window, ping_interval) = (Some(1 << 20), Some(ping_interval));
        let connect = Connect { receive_window, ping_interval, ..Connect::default() };
        let (ann, bob) = (stage.enter("ann"), stage.enter_with("bob", connect));
        stage.say(bob, &in_lane("a.*", 1, LaneOptions { priority: Some(7), ..latest() }));
        stage.say(bob, &in_lane("b", 2, LaneOptions::default()));
        stage.publish(ann, "a.0", &[0; 4000]);
        marks(&stage.frames(bob)).into_iter().for_each(|mark| stage.say(bob, &pong(mark)));
        (1..40).for_each(|key| stage.publish(ann, &format!("a.{key}"), &[0; 4000]));
        (0..20).for_each(|_| stage.publish(ann, "b", &[0; 4000]));
        let mut seen = messages(&stage.frames(bob), "b");
        for second in 1..=16 {
            assert!(seen < 20 || second > 15, "{seen} before {second} s");
            stage.pass(Duration::from_secs(1));
            stage.say(bob, &ClientFrame::Pong(Pong { mark: None, lag: Vec::new() }));
            seen += messages(&stage.frames(bob), "b");
        }
        assert_eq!(seen, 20, "pinged every {ping_interval:?} ms");
    }
}
