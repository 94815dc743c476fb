//! What meets when links are cut: rules that changed, repeats that come late, places that are taken.

use std::time::Duration;

use broker_core::{Absence, Config, SequencerConfig};
use broker_protocol::Codec;
use broker_protocol::frame::{
    BrokerFrame, ClientFrame, Connect, Keep, LaneOptions, LanePosition, Overflow, Publish, Replay,
    Resume, Subscribe, Unsubscribe, Update,
};

use crate::stage::{Stage, in_lane, send, subscribe};

fn stage_with(absence: Absence) -> Stage {
    let config = Config { absence, ..Config::default() };
    Stage::with_absence(config, SequencerConfig::default(), Codec::Bincode)
}

/// A client by its slot, and what it needs to come back.
fn enter(stage: &mut Stage, name: &str) -> (u32, Resume) {
    let slot = stage.connect(named(name, None));
    let told = stage.frames(slot).into_iter().find_map(|frame| match frame {
        BrokerFrame::Connected(connected) => Some((connected.session, connected.secret)),
        _ => None,
    });
    let (session, secret) = told.expect("it is connected");
    (slot, Resume { session, secret, lanes: Vec::new() })
}

fn named(name: &str, resume: Option<Resume>) -> Connect {
    let mut connect = Connect { version: 1, resume, ..Connect::default() };
    connect.client.name = Some(name.to_owned());
    connect
}

fn keep(keep: Keep) -> LaneOptions {
    LaneOptions { keep: Some(keep), ..LaneOptions::default() }
}

#[test]
fn what_was_conflated_before_its_lane_kept_everything_is_sent_again_however_long_that_takes() {
    let mut stage = stage_with(Absence { resume_window: 1 << 20, ..Absence::default() });
    let (publisher, other) = (stage.enter("publisher"), stage.enter("other"));
    stage.subscribe(other, "b");
    let much = |stage: &mut Stage| {
        for _ in 0..30 {
            stage.publish(publisher, "b", &[7; 100_000]);
            stage.packets(other);
        }
    };
    let (client, resume) = enter(&mut stage, "client");
    stage.say(client, &in_lane("a.*", 1, keep(Keep::Latest(1))));
    stage.set_room(client, 0);
    ["a.1", "a.2"].into_iter().for_each(|topic| stage.publish(publisher, topic, b"x"));
    much(&mut stage);
    stage.publish(publisher, "a.1", b"x");
    stage.set_room(client, usize::MAX);
    stage.turn();
    let options = keep(Keep::All);
    stage.say(client, &ClientFrame::Update(Update { id: 2, lane: 1, options }));
    stage.lose(client);
    let lanes = vec![LanePosition { lane: 1, frames: 1 }];
    let client = stage.connect_with_room(named("client", Some(Resume { lanes, ..resume })), 0);
    much(&mut stage);
    stage.set_room(client, usize::MAX);
    stage.turn();
    let messages = stage.messages(client).into_iter();
    let had: Vec<_> = messages.map(|one| (one.topic.into_owned(), one.seq)).collect();
    assert_eq!(had, [("a.1".to_owned(), 2), ("a.2".to_owned(), 1)]);
}

#[test]
fn who_takes_over_a_session_takes_the_place_of_nobody_who_is_away() {
    let mut stage = stage_with(Absence { sessions_max: 1, ..Absence::default() });
    let (away, resume_away) = enter(&mut stage, "away");
    let (_, resume) = enter(&mut stage, "client");
    stage.lose(away);
    stage.pass(Duration::from_millis(10));
    let client = stage.connect(named("client", Some(resume)));
    assert!(resumed(&mut stage, client));
    let away = stage.connect(named("away", Some(resume_away)));
    assert!(resumed(&mut stage, away));
}

#[test]
fn a_session_is_taken_over_also_where_none_may_be_away() {
    let mut stage = stage_with(Absence { sessions_max: 0, ..Absence::default() });
    let (_, resume) = enter(&mut stage, "client");
    let client = stage.connect(named("client", Some(resume)));
    assert!(resumed(&mut stage, client));
    stage.subscribe(client, "a");
    stage.publish(client, "a", b"x");
    assert_eq!(stage.messages(client).len(), 1);
}

#[test]
fn what_was_carried_out_is_not_carried_out_again_by_who_comes_back_and_is_silent_for_long() {
    let mut stage = stage_with(Absence::default());
    let bob = stage.enter("bob");
    let (ann, resume) = enter(&mut stage, "ann");
    stage.say(ann, &send(1, "bob", b"x"));
    stage.lose(ann);
    let ann = stage.connect(named("ann", Some(resume)));
    stage.pass(Duration::from_secs(16));
    stage.say(ann, &send(1, "bob", b"x"));
    assert_eq!(stage.messages(bob).len(), 1);
}

#[test]
fn a_session_that_ends_with_its_link_is_not_taken_over() {
    let mut stage = stage_with(Absence { expiry: Duration::ZERO, ..Absence::default() });
    let (_, resume) = enter(&mut stage, "client");
    let client = stage.connect(named("client", Some(resume)));
    assert!(!resumed(&mut stage, client));
}

#[test]
fn answers_that_are_kept_count_among_what_is_kept_for_who_is_away() {
    let mut stage = stage_with(Absence { bytes_max: 40_000, ..Absence::default() });
    let (client, resume) = enter(&mut stage, "client");
    for id in 1..=600 {
        stage.write(client, &ClientFrame::Unsubscribe(Unsubscribe { id, subscription: 77 }));
    }
    stage.lose(client);
    stage.pass(Duration::from_millis(300));
    let client = stage.connect(named("client", Some(resume)));
    assert!(!resumed(&mut stage, client));
}

#[test]
fn no_more_is_kept_of_large_messages_than_of_small_ones() {
    let mut stage = stage_with(Absence { resume_window: 64 << 10, ..Absence::default() });
    let publisher = stage.enter("publisher");
    let (client, resume) = enter(&mut stage, "client");
    stage.say(client, &in_lane("a", 1, LaneOptions::default()));
    (0..10).for_each(|_| stage.publish(publisher, "a", &[7; 40_000]));
    stage.lose(client);
    let lanes = vec![LanePosition { lane: 1, frames: 1 }];
    let client = stage.connect(named("client", Some(Resume { lanes, ..resume })));
    assert_eq!(stage.messages(client).len(), 1, "two are more than may be kept");
}

#[test]
fn a_lane_that_goes_on_after_its_client_has_gone_keeps_to_its_bound() {
    let mut stage = stage_with(Absence { resume_window: 1 << 20, ..Absence::default() });
    let publisher = stage.enter("publisher");
    let (client, resume) = enter(&mut stage, "client");
    let (overflow, bound) = (Some(Overflow::Resync), Some(5));
    let options = LaneOptions { overflow, bound_messages: bound, ..LaneOptions::default() };
    let replay = Replay::Last;
    let subscribe = Subscribe { lane: Some(1), options: Some(options), replay, ..subscribe("a") };
    stage.say(client, &ClientFrame::Subscribe(subscribe));
    let retained = Publish { retain: true, ..Publish::bytes("a", b"x") };
    stage.say(publisher, &ClientFrame::Publish(retained));
    stage.set_room(client, 0);
    (0..20).for_each(|_| stage.publish(publisher, "a", b"x"));
    // The link is lost between the question for what is retained and the answer.
    stage.set_room(client, usize::MAX);
    stage.flush(client);
    let had = stage.frames(client).into_iter();
    let frames = had.filter(|frame| !matches!(frame, BrokerFrame::Lane(_))).count() as u64;
    stage.lose(client);
    (0..50).for_each(|_| stage.publish(publisher, "a", b"x"));
    let lanes = vec![LanePosition { lane: 1, frames }];
    let client = stage.connect(named("client", Some(Resume { lanes, ..resume })));
    let live = stage.messages(client).len();
    assert!(live <= 6, "{live}");
}

fn resumed(stage: &mut Stage, slot: u32) -> bool {
    stage
        .frames(slot)
        .into_iter()
        .any(|frame| matches!(frame, BrokerFrame::Connected(connected) if connected.resumed))
}
