//! How long a session outlives its link, who may take it up again, and how it ends.

use std::time::Duration;

use broker_core::Absence;
use broker_protocol::ErrorCode;
use broker_protocol::frame::{ClientFrame, Connect, Disconnect, LaneOptions, LanePosition, Resume};

use super::{Client, come_back, pair, stage, stage_with};

#[test]
fn a_slow_consumer_is_cut_off_and_finds_its_session_when_it_returns() {
    let mut stage = stage();
    let options = LaneOptions { bound_messages: Some(10), ..LaneOptions::default() };
    let (mut client, publisher) = pair(&mut stage, options);
    stage.set_room(client.slot, 0);
    (0..30).for_each(|_| stage.publish(publisher, "a.x", b"x"));
    let endings = stage.shard.take_endings();
    assert_eq!(endings.iter().map(|one| one.code).collect::<Vec<_>>(), [ErrorCode::SlowConsumer]);
    assert!(come_back(&mut client, &mut stage));
    assert_eq!(client.seqs("a.x").len() as u64 + client.told, 30);
}

#[test]
fn another_link_with_the_secret_takes_over_and_the_first_is_told() {
    let mut stage = stage();
    let (mut client, publisher) = pair(&mut stage, LaneOptions::default());
    stage.publish(publisher, "a.x", b"x");
    client.take(&mut stage, usize::MAX);
    let first = client.slot;
    assert!(come_back(&mut client, &mut stage));
    assert_eq!(client.slot, first, "the session stays in its slot");
    let endings = stage.shard.take_endings();
    let [ending] = &endings[..] else { panic!("one link ends: {endings:?}") };
    assert_eq!(
        (ending.code, stage.refused(ending.slot)),
        (ErrorCode::TakenOver, Some(ErrorCode::TakenOver))
    );
    stage.publish(publisher, "a.x", b"x");
    client.take(&mut stage, usize::MAX);
    assert_eq!(client.seqs("a.x"), [1, 2]);
}

#[test]
fn without_the_secret_nobody_comes_near_a_session() {
    let mut stage = stage();
    let (mut client, publisher) = pair(&mut stage, LaneOptions::default());
    stage.lose(client.slot);
    stage.publish(publisher, "a.x", b"x");
    let mut stranger = Client::default();
    let secret = "f".repeat(32);
    assert!(!stranger.connect(&mut stage, Some(Resume { secret, ..client.resume() })));
    assert!(
        !stranger.connect(&mut stage, Some(Resume { session: "0-77-1".into(), ..client.resume() }))
    );
    assert_ne!(stranger.session, client.session);
    assert!(come_back(&mut client, &mut stage));
    assert_eq!(client.seqs("a.x"), [1]);
}

#[test]
fn a_client_that_claims_more_than_was_sent_begins_anew() {
    let mut stage = stage();
    let (mut client, _) = pair(&mut stage, LaneOptions::default());
    stage.lose(client.slot);
    client.frames.insert(1, 1000);
    assert!(!come_back(&mut client, &mut stage));
}

#[test]
fn a_client_that_names_a_lane_twice_or_one_that_cannot_be_is_refused_and_may_come_back() {
    let mut stage = stage();
    let (mut client, _) = pair(&mut stage, LaneOptions::default());
    stage.lose(client.slot);
    for extra in [1, 16, 255] {
        let mut resume = client.resume();
        resume.lanes.push(LanePosition { lane: extra, frames: 0 });
        let connect = Connect { version: 1, resume: Some(resume), ..Connect::default() };
        let slot = stage.connect(connect);
        assert_eq!(stage.ended(slot), Some(ErrorCode::InvalidField), "lane {extra}");
    }
    assert!(come_back(&mut client, &mut stage));
}

#[test]
fn a_session_ends_when_its_client_stays_away_too_long() {
    let absence = Absence { expiry: Duration::from_secs(10), ..Absence::default() };
    let mut stage = stage_with(absence);
    let (mut client, _) = pair(&mut stage, LaneOptions::default());
    stage.lose(client.slot);
    stage.pass(Duration::from_secs(9));
    assert_eq!(stage.shard.statistics().sessions_away, 1);
    stage.pass(Duration::from_secs(2));
    let statistics = stage.shard.statistics();
    assert_eq!((statistics.sessions_away, statistics.sessions_expired), (0, 1));
    assert!(!come_back(&mut client, &mut stage));
}

#[test]
fn a_client_may_wish_for_no_session_without_a_link() {
    let mut stage = stage();
    let connect = Connect { version: 1, session_expiry: Some(0), ..Connect::default() };
    let slot = stage.connect(connect);
    stage.lose(slot);
    assert_eq!(stage.shard.sessions(), 0);
}

#[test]
fn of_too_many_sessions_without_a_link_the_one_away_longest_goes() {
    let mut stage = stage_with(Absence { sessions_max: 2, ..Absence::default() });
    let mut clients: Vec<Client> = (0..3).map(|_| Client::default()).collect();
    for client in &mut clients {
        client.connect(&mut stage, None);
    }
    for client in &clients {
        stage.pass(Duration::from_millis(1));
        stage.lose(client.slot);
    }
    let back: Vec<bool> = clients.iter_mut().map(|one| come_back(one, &mut stage)).collect();
    assert_eq!(back, [false, true, true]);
}

#[test]
fn what_waits_for_absent_clients_is_bounded() {
    let mut stage = stage_with(Absence { bytes_max: 10_000, ..Absence::default() });
    let (client, publisher) = pair(&mut stage, LaneOptions::default());
    stage.lose(client.slot);
    (0..11).for_each(|_| stage.publish(publisher, "a.x", &[0; 1000]));
    stage.pass(Duration::from_secs(1));
    assert_eq!(stage.shard.statistics().sessions_expired, 1);
}

#[test]
fn a_goodbye_ends_the_session_unless_it_is_to_be_kept() {
    for (keep_session, resumed) in [(true, true), (false, false)] {
        let mut stage = stage();
        let (mut client, _) = pair(&mut stage, LaneOptions::default());
        let goodbye = Disconnect { reason: "so long".into(), keep_session };
        stage.say(client.slot, &ClientFrame::Disconnect(goodbye));
        assert_eq!(come_back(&mut client, &mut stage), resumed);
    }
}
