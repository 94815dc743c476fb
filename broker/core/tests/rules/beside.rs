//! What lanes get beside one that has as much on its way as its link takes.

use std::collections::VecDeque;
use std::time::Duration;

use broker_core::Config;
use broker_delivery::lane::{Bound, Overflow as GrantedOverflow};
use broker_protocol::Codec;
use broker_protocol::frame::{
    BrokerFrame, ClientFrame, Connect, Keep, LaneOptions, Pong, Publish, Update,
};

use crate::credit::{Counting, consumed};
use crate::stage::{Stage, in_lane};
use crate::windows::{latest, marks, messages, pong, served};

/// What the client behind a slow link says of what it got.
#[derive(Debug, Clone, Copy)]
enum Says {
    Nothing,
    /// It answers marks.
    Marks,
    /// It takes part in credit too, with this receive window.
    Credit(u64),
}

impl Says {
    fn enter(self, stage: &mut Stage) -> u32 {
        match self {
            Says::Credit(window) => stage.enter_with_credit("bob", window),
            Says::Nothing | Says::Marks => stage.enter("bob"),
        }
    }
}

/// A slow link with a buffer that takes whatever is written.
struct Narrow {
    buffer: VecDeque<Vec<u8>>,
    /// How many bytes more may leave it.
    bytes: usize,
    says: Says,
    counting: Counting,
    /// What was told of each lane, and in which steps.
    told: [u64; 16],
    steps: [u64; 16],
}

impl Narrow {
    fn new(says: Says, lanes: impl Iterator<Item = LaneOptions>) -> Self {
        let (buffer, counting) = (VecDeque::new(), Counting::new(Codec::Bincode));
        let mut link = Self { buffer, bytes: 0, says, counting, told: [0; 16], steps: [0; 16] };
        if let Says::Credit(window) = says {
            for (options, step) in lanes.zip(&mut link.steps[1..]) {
                // As the SDK does: a quarter, and less of a lane that conflates.
                let conflates = matches!(options.keep, Some(Keep::Latest(_)));
                *step = if conflates { 2048 } else { window / 4 };
            }
        }
        link
    }

    /// Lets so many bytes arrive: returns the frames among them, and says what is to be said.
    fn arrive(&mut self, stage: &mut Stage, slot: u32, bytes: usize) -> Vec<BrokerFrame<'static>> {
        self.buffer.extend(stage.packets(slot));
        self.bytes += bytes;
        let mut arrived = Vec::new();
        while let Some(packet) = self.buffer.pop_front_if(|packet| packet.len() <= self.bytes) {
            self.bytes -= packet.len();
            arrived.push(packet);
        }
        let frames = stage.frames_in(arrived);
        if !matches!(self.says, Says::Nothing) {
            marks(&frames).into_iter().for_each(|mark| {
                _ = stage.write(slot, &pong(mark));
            });
        }
        if matches!(self.says, Says::Credit(_)) {
            // The program gets on with it a little later than marks are read.
            for (lane, (told, step)) in self.told.iter_mut().zip(self.steps).enumerate() {
                let got = self.counting.bytes[lane];
                if step > 0 && got - *told >= step {
                    *told = got;
                    _ = stage.write(slot, &consumed(lane as u8, got));
                }
            }
            self.counting.count(0, &frames);
        }
        frames
    }
}

/// How many bytes of each of several lanes arrive through 20 KB/s.
fn through_a_narrow_link<const LANES: usize>(
    lanes: [(&str, u64, LaneOptions); LANES],
    says: Says,
) -> [usize; LANES] {
    let mut config = Config::default();
    config.lane.overflow = GrantedOverflow::DropOldest;
    let mut stage = Stage::new(config);
    let (ann, bob) = (stage.enter("ann"), says.enter(&mut stage));
    for ((name, _, options), number) in lanes.iter().zip(1..) {
        stage.say(bob, &in_lane(&format!("{name}.*"), number, options.clone()));
    }
    let (mut link, mut sums) =
        (Narrow::new(says, lanes.iter().map(|lane| lane.2.clone())), [0; LANES]);
    for step in 0..1200 {
        for key in 0..10 {
            for (name, topics, _) in &lanes {
                let topic = format!("{name}.{}", (step + 7 * key) % topics);
                stage.write(ann, &ClientFrame::Publish(Publish::bytes(&topic, &[0; 400])));
            }
        }
        stage.pass(Duration::from_millis(50));
        for frame in link.arrive(&mut stage, bob, 1000) {
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
fn beside(latest_priority: u8, other: LaneOptions, says: Says) -> (usize, usize) {
    let options = LaneOptions { priority: Some(latest_priority), ..latest() };
    let [latest, other] = through_a_narrow_link([("a", 100, options), ("b", 10, other)], says);
    (latest, other)
}

#[test]
fn beside_a_lane_that_waits_for_its_link_lower_ones_get_an_eighth() {
    for lower in [LaneOptions::default(), latest()] {
        let (high, low) = beside(7, lower, Says::Marks);
        assert!(low > 0 && high > 5 * low, "{high} and {low} bytes");
    }
}

#[test]
fn lower_lanes_get_an_eighth_however_small_the_receive_window_is() {
    let of = |priority, kept: LaneOptions| LaneOptions { priority: Some(priority), ..kept };
    let kinds = || [latest(), LaneOptions::default()].into_iter();
    for window in [8, 16, 32] {
        for (high, low) in kinds().flat_map(|high| kinds().map(move |low| (high.clone(), low))) {
            let kept = format!("{window} KiB, {:?} beside {:?}", high.keep, low.keep);
            let lanes = [("a", 100, of(7, high)), ("b", 10, of(0, low))];
            let [high, low] = through_a_narrow_link(lanes, Says::Credit(window << 10));
            assert!(high > 5 * low && low > high / 14, "{kept}: {high} and {low} bytes");
        }
    }
}

/// How many bytes of two lanes, of priorities 7 and 0, that keep everything come to a client whose link is
/// wide, while others are on their way to it, in packets each of which needs `trip` steps, and which tells at
/// once what it has consumed, or never anything of the first lane.
fn through_a_wide_link(trip: usize, is_slow: bool) -> [u64; 2] {
    let mut config = Config::default();
    config.lane.overflow = GrantedOverflow::DropOldest;
    let mut stage = Stage::new(config);
    let (ann, bob) = (stage.enter("ann"), stage.enter_with_credit("bob", 8 << 10));
    for (lane, topic, priority) in [(1, "a", Some(7)), (2, "b", Some(0))] {
        let options = LaneOptions { priority, ..LaneOptions::default() };
        stage.say(bob, &in_lane(topic, lane, options));
    }
    let mut counting = Counting::new(Codec::Bincode);
    let mut way = VecDeque::from(vec![Vec::new(); trip]);
    for _ in 0..600 {
        for topic in ["a", "b"] {
            (0..20).for_each(|_| stage.publish(ann, topic, &[0; 1000]));
        }
        stage.pass(Duration::from_millis(50));
        way.push_back(stage.packets(bob));
        let arrived = way.pop_front().unwrap_or_default();
        let frames = stage.frames_in(arrived);
        counting.count(0, &frames);
        marks(&frames).into_iter().for_each(|mark| stage.say(bob, &pong(mark)));
        for lane in [1, 2] {
            if lane == 2 || !is_slow {
                stage.say(bob, &consumed(lane, counting.bytes[usize::from(lane)]));
            }
        }
    }
    [counting.bytes[1], counting.bytes[2]]
}

#[test]
fn a_long_link_is_not_taken_for_a_narrow_one_where_the_receive_window_is_small() {
    for trip in [1, 8] {
        let [high, low] = through_a_wide_link(trip, false);
        assert!(low > high / 2, "{trip} steps: {high} and {low} bytes");
    }
}

#[test]
fn a_slow_program_is_not_taken_for_a_narrow_link_where_the_receive_window_is_small() {
    let [high, low] = through_a_wide_link(1, true);
    assert!(high <= 8 << 10 && low > 10 * high, "{high} and {low} bytes");
}

#[test]
fn gaps_leave_room_for_messages_in_a_small_share() {
    let lanes = [
        ("a", 100, LaneOptions { priority: Some(7), ..latest() }),
        ("b", 100, LaneOptions { priority: Some(0), ..LaneOptions::default() }),
    ];
    let [high, low] = through_a_narrow_link(lanes, Says::Credit(1 << 20));
    assert!(high > 5 * low && low > high / 28, "{high} and {low} bytes");
}

#[test]
fn beside_a_lane_that_waits_for_its_link_equal_ones_get_half() {
    let (latest, all) = beside(0, LaneOptions::default(), Says::Marks);
    assert!(latest > 2 * all / 3 && all > 2 * latest / 3, "{latest} and {all} bytes");
}

#[test]
fn beside_two_lanes_that_wait_for_their_link_an_equal_one_gets_as_much_as_each() {
    let lanes = [("a", 100, latest()), ("b", 100, latest()), ("c", 10, LaneOptions::default())];
    let sums = through_a_narrow_link(lanes, Says::Marks);
    let (least, most) = (sums.iter().min().copied(), sums.iter().max().copied());
    assert!(least > most.map(|most| 2 * most / 3), "{sums:?} bytes");
}

#[test]
fn beside_a_lane_that_waits_for_its_link_equal_ones_dont_use_up_what_lower_ones_get() {
    let first = LaneOptions { priority: Some(7), ..LaneOptions::default() };
    let latest = LaneOptions { priority: Some(7), ..latest() };
    let lower = LaneOptions::default();
    let lanes = [("a", 100, latest), ("b", 10, first), ("c", 10, lower)];
    let [latest, equal, lower] = through_a_narrow_link(lanes, Says::Marks);
    let sums = format!("{latest}, {equal} and {lower} bytes");
    assert!(latest > 2 * equal / 3 && equal > 2 * latest / 3, "{sums}");
    assert!(lower > latest / 14 && lower < latest / 4, "{sums}");
}

#[test]
fn beside_a_lane_that_waits_for_its_link_all_lower_ones_together_get_an_eighth() {
    let of = |priority| LaneOptions { priority: Some(priority), ..LaneOptions::default() };
    let first = LaneOptions { priority: Some(7), ..latest() };
    let lanes = [("a", 100, first), ("b", 10, of(3)), ("c", 10, of(3)), ("d", 10, of(3))];
    let [first, lower @ ..] = through_a_narrow_link(lanes, Says::Marks);
    assert!(lower.iter().all(|one| *one > 0), "{lower:?} bytes");
    assert!(first > 5 * lower.iter().sum::<usize>(), "{first} and {lower:?} bytes");
}

#[test]
fn beside_a_lane_whose_client_answers_no_marks_others_go_on() {
    let (_, all) = beside(7, LaneOptions::default(), Says::Nothing);
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
    // A program that keeps up has as long to say so.
    let soon = few + messages(&stage.frames(bob), "b");
    stage.pass(Duration::from_millis(100));
    let all = soon + messages(&stage.frames(bob), "b");
    assert!(soon < 10 && all == 20, "{few} and {soon} before it was known, {all} then");
}

/// Fills a lane of priority 7, of which one mark was answered, and publishes 20 messages for another. Returns
/// how many of those came beside it.
fn beside_one_that_waits_for_a_mark(stage: &mut Stage, ann: u32, bob: u32) -> usize {
    stage.say(bob, &in_lane("a.*", 1, LaneOptions { priority: Some(7), ..latest() }));
    stage.say(bob, &in_lane("b", 2, LaneOptions::default()));
    stage.publish(ann, "a.0", &[0; 4000]);
    marks(&stage.frames(bob)).into_iter().for_each(|mark| stage.say(bob, &pong(mark)));
    (1..40).for_each(|key| stage.publish(ann, &format!("a.{key}"), &[0; 4000]));
    (0..20).for_each(|_| stage.publish(ann, "b", &[0; 4000]));
    messages(&stage.frames(bob), "b")
}

#[test]
fn beside_a_lane_of_which_a_mark_is_late_others_go_on() {
    let mut config = Config::default();
    config.lane.overflow = GrantedOverflow::DropOldest;
    let mut stage = Stage::new(config);
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    let first = beside_one_that_waits_for_a_mark(&mut stage, ann, bob);
    // Nothing of what was for the other lane comes back any more, but the client is there.
    for _ in 0..29 {
        stage.pass(Duration::from_secs(1));
        stage.say(bob, &ClientFrame::Pong(Pong { mark: None, lag: Vec::new() }));
        assert!(first < 20 && messages(&stage.frames(bob), "b") == 0, "{first}");
    }
    stage.pass(Duration::from_secs(1));
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
        let mut seen = beside_one_that_waits_for_a_mark(&mut stage, ann, bob);
        for second in 1..=31 {
            assert!(seen < 20 || second > 30, "{seen} before {second} s");
            stage.pass(Duration::from_secs(1));
            stage.say(bob, &ClientFrame::Pong(Pong { mark: None, lag: Vec::new() }));
            seen += messages(&stage.frames(bob), "b");
        }
        assert_eq!(seen, 20, "pinged every {ping_interval:?} ms");
    }
}

#[test]
fn beside_a_lane_whose_channel_refuses_for_ever_others_go_on() {
    let kinds = [LaneOptions::default(), latest()];
    for (kept, receive_window) in
        kinds.iter().flat_map(|kept| [(kept, None), (kept, Some(1 << 20))])
    {
        let mut config = Config::default();
        config.lane.overflow = GrantedOverflow::DropOldest;
        let mut stage = Stage::new(config);
        stage.separate_lanes = true;
        let connect = Connect { receive_window, ..Connect::default() };
        let (ann, bob) = (stage.enter("ann"), stage.enter_with("bob", connect));
        stage.say(bob, &in_lane("a.*", 1, LaneOptions { priority: Some(7), ..kept.clone() }));
        stage.say(bob, &in_lane("b", 2, LaneOptions::default()));
        // The way was short once, and then marks take long.
        let mut seen = 0;
        for way in [0, 50, 1000] {
            for key in 0..10 {
                stage.write(
                    ann,
                    &ClientFrame::Publish(Publish::bytes(&format!("a.{key}"), &[0; 4000])),
                );
                stage.write(ann, &ClientFrame::Publish(Publish::bytes("b", &[0; 4000])));
            }
            stage.turn();
            let frames = stage.frames(bob);
            stage.pass(Duration::from_millis(way));
            marks(&frames).into_iter().for_each(|mark| stage.say(bob, &pong(mark)));
            seen += messages(&frames, "b");
        }
        // Something leaves behind the last mark, too little for one more, and then its channel refuses.
        stage.publish(ann, "a.0", &[0; 4000]);
        stage.held_lane = Some(1);
        stage.publish(ann, "a.0", &[0; 4000]);
        (0..30).for_each(|_| stage.publish(ann, "b", &[0; 4000]));
        for _ in 0..31 {
            stage.pass(Duration::from_secs(1));
            stage.say(bob, &ClientFrame::Pong(Pong { mark: None, lag: Vec::new() }));
            seen += messages(&served(&mut stage, bob), "b");
        }
        assert_eq!(seen, 60, "{:?}, {receive_window:?}", kept.keep);
    }
}

#[test]
fn to_a_client_that_answers_no_marks_few_are_sent() {
    for window in [None, Some(64 << 10)] {
        let mut stage = Stage::new(Config::default());
        stage.separate_lanes = window.is_none();
        let connect = Connect { receive_window: window, ..Connect::default() };
        let (ann, bob) = (stage.enter("ann"), stage.enter_with("bob", connect));
        for (topic, lane, priority) in [("a", 1, Some(7)), ("b", 2, Some(0))] {
            let options = LaneOptions { priority, ..LaneOptions::default() };
            stage.say(bob, &in_lane(topic, lane, options));
        }
        let (mut counting, mut sent, mut got) = (Counting::new(Codec::Bincode), 0, 0);
        for _ in 0..1000 {
            for topic in ["a", "b"] {
                stage.write(ann, &ClientFrame::Publish(Publish::bytes(topic, &[0; 32 << 10])));
            }
            stage.turn();
            let frames = stage.frames(bob);
            (sent, got) = (sent + marks(&frames).len(), got + messages(&frames, "a"));
            counting.count(0, &frames);
            for lane in [1, 2].into_iter().filter(|_| window.is_some()) {
                stage.say(bob, &consumed(lane, counting.bytes[usize::from(lane)]));
            }
        }
        assert_eq!(got, 1000, "it takes all the same");
        assert!((1..=128).contains(&sent), "{sent} marks");
    }
}

/// How many messages of lanes of these priorities leave, packet by packet, until the first has 500 away, of
/// which all have enough.
fn packet_by_packet<const LANES: usize>(lanes: [(&str, u8); LANES]) -> [usize; LANES] {
    let mut config = Config::default();
    config.lane.bound = Bound { messages: 1 << 20, bytes: 1 << 30 };
    let mut stage = Stage::new(config);
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    for (lane, (topic, priority)) in (1..).zip(lanes) {
        let options = LaneOptions { priority: Some(priority), ..LaneOptions::default() };
        stage.say(bob, &in_lane(topic, lane, options));
    }
    stage.packets(bob);
    stage.set_room(bob, 0);
    for _ in 0..1000 {
        for (topic, _) in lanes {
            stage.write(ann, &ClientFrame::Publish(Publish::bytes(topic, &[0; 1000])));
        }
    }
    stage.turn();
    let mut sums = [0; LANES];
    while sums[0] < 500 {
        stage.set_room(bob, 1);
        stage.turn();
        let frames = stage.frames(bob);
        for (sum, (topic, _)) in sums.iter_mut().zip(lanes) {
            *sum += messages(&frames, topic);
        }
    }
    sums
}

#[test]
fn of_three_priorities_the_lower_ones_have_the_eighth_in_equal_parts() {
    let [first, second, third] = packet_by_packet([("a", 7), ("b", 3), ("c", 0)]);
    let sums = format!("{first}, {second}, {third}");
    assert!(second.abs_diff(third) < 16 && second + third > first / 10, "{sums}");
}

#[test]
fn the_turn_of_lower_lanes_is_no_turn_of_equal_ones() {
    let [first, second, third] = packet_by_packet([("a", 7), ("b", 7), ("c", 0)]);
    let sums = format!("{first}, {second}, {third}");
    assert!(first.abs_diff(second) < 100 && third > first / 10, "{sums}");
}

#[test]
fn where_priorities_are_equal_again_no_marks_come() {
    let mut stage = Stage::new(Config::default());
    let (ann, bob) = (stage.enter("ann"), stage.enter_with_credit("bob", 64 << 10));
    for (topic, lane) in [("a", 1), ("b", 2)] {
        stage.say(bob, &in_lane(topic, lane, LaneOptions::default()));
    }
    let mut counting = Counting::new(Codec::Bincode);
    for (priority, some) in [(0, false), (7, true), (0, false)] {
        let options = LaneOptions { priority: Some(priority), ..LaneOptions::default() };
        stage.say(bob, &ClientFrame::Update(Update { id: 1, lane: 1, options }));
        let mut sent = 0;
        for _ in 0..20 {
            for topic in ["a", "b"] {
                stage.write(ann, &ClientFrame::Publish(Publish::bytes(topic, &[0; 20_000])));
            }
            stage.turn();
            let frames = stage.frames(bob);
            counting.count(0, &frames);
            sent += marks(&frames).len();
            marks(&frames).into_iter().for_each(|mark| stage.say(bob, &pong(mark)));
            for lane in [1, 2] {
                stage.say(bob, &consumed(lane, counting.bytes[usize::from(lane)]));
            }
        }
        assert_eq!(sent > 0, some, "{sent} marks with a priority of {priority}");
    }
}
