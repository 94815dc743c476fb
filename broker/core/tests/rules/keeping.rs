//! How much of what was sent is kept for a client that may come back, and what counts.

use std::time::Duration;

use broker_core::{Absence, Config, Limits, SequencerConfig};
use broker_protocol::Codec;
use broker_protocol::frame::{
    Body, BrokerFrame, ClientFrame, Keep, LaneOptions, Outcome, Publish, Replay, Reply, Serve,
    Subscribe,
};

use crate::resuming::{Client, come_back, stage_with};
use crate::stage::{Stage, in_lane, request, subscribe};

/// How many of 63 messages of 1,000 bytes in each of so many lanes, all on their way and none consumed,
/// come again; and how many are told to be missing.
fn come_again(lanes: u8) -> (usize, u64) {
    let limits = Limits { receive_window_max: 120_000, ..Limits::default() };
    let absence = Absence { resume_window: 20_000, ..Absence::default() };
    let config = Config { limits, absence, ..Config::default() };
    let mut stage = Stage::with_absence(config, SequencerConfig::default(), Codec::Bincode);
    let publisher = stage.enter("publisher");
    let mut client = Client::with_credit(120_000);
    client.connect(&mut stage, None);
    for lane in 1..=lanes {
        stage.say(client.slot, &in_lane("a.x", lane, LaneOptions::default()));
    }
    client.take(&mut stage, usize::MAX);
    (0..63).for_each(|_| stage.publish(publisher, "a.x", &[0; 1000]));
    client.take(&mut stage, 0);
    stage.lose(client.slot);
    assert!(come_back(&mut client, &mut stage));
    (client.seqs("a.x").len(), client.told)
}

#[test]
fn what_a_session_keeps_of_all_its_lanes_is_bounded_and_shared_evenly() {
    // Lane 0 is one of them: there are two, and four.
    assert!((57..=60).contains(&come_again(1).0));
    let (had, told) = come_again(3);
    assert_eq!(had as u64 + told, 3 * 63, "what isn't kept is told");
    assert!((3 * 27..=3 * 30).contains(&had), "{had}");
    // The least that a lane keeps is the resume window.
    let (had, _) = come_again(7);
    assert!((7 * 18..=7 * 20).contains(&had), "{had}");
}

#[test]
fn a_lane_that_is_opened_takes_its_share_from_those_that_keep_much() {
    let limits = Limits { receive_window_max: 120_000, ..Limits::default() };
    let config = Config { limits, ..Config::default() };
    let absence = Absence { resume_window: 5_000, ..Absence::default() };
    let config = Config { absence, ..config };
    let mut stage = Stage::with_absence(config, SequencerConfig::default(), Codec::Bincode);
    let publisher = stage.enter("publisher");
    let mut client = Client::with_credit(120_000);
    client.connect(&mut stage, None);
    stage.say(client.slot, &in_lane("a.x", 1, LaneOptions::default()));
    client.take(&mut stage, usize::MAX);
    (0..50).for_each(|_| stage.publish(publisher, "a.x", &[0; 1000]));
    for lane in 2..=5 {
        stage.say(client.slot, &in_lane("b", lane, LaneOptions::default()));
    }
    client.take(&mut stage, 0);
    stage.lose(client.slot);
    assert!(come_back(&mut client, &mut stage));
    let had = client.seqs("a.x").len();
    assert!((15..=20).contains(&had), "{had} of a sixth of 120,000 bytes");
    assert_eq!(had as u64 + client.told, 50);
}

#[test]
fn values_of_a_replay_that_wait_count_among_what_waits_for_absent_clients() {
    for (bytes_max, stays) in [(100_000, true), (40_000, false)] {
        let mut stage = stage_with(Absence { bytes_max, ..Absence::default() });
        let publisher = stage.enter("publisher");
        for number in 0..10 {
            let topic = format!("a.{number}");
            let publish = Publish { retain: true, ..Publish::bytes(&topic, &[0; 5000]) };
            stage.say(publisher, &ClientFrame::Publish(publish));
        }
        let mut client = Client::default();
        client.connect(&mut stage, None);
        stage.set_room(client.slot, 0);
        let replayed = Subscribe { replay: Replay::Last, ..subscribe("a.*") };
        stage.say(client.slot, &ClientFrame::Subscribe(replayed));
        stage.lose(client.slot);
        stage.pass(Duration::from_secs(1));
        assert_eq!(come_back(&mut client, &mut stage), stays, "{bytes_max}");
    }
}

#[test]
fn what_newer_values_replace_counts_no_more_for_a_client_that_is_away() {
    for (keep, stays) in [(Keep::Latest(1), true), (Keep::All, false)] {
        let mut stage = stage_with(Absence { bytes_max: 40_000, ..Absence::default() });
        let publisher = stage.enter("publisher");
        let mut client = Client::default();
        client.connect(&mut stage, None);
        let options = LaneOptions { keep: Some(keep), ..LaneOptions::default() };
        stage.say(client.slot, &in_lane("a", 1, options));
        client.take(&mut stage, usize::MAX);
        stage.lose(client.slot);
        (0..50).for_each(|_| stage.publish(publisher, "a", &[0; 1000]));
        stage.pass(Duration::from_secs(1));
        assert_eq!(come_back(&mut client, &mut stage), stays, "{keep:?}");
    }
}

#[test]
fn a_provider_may_repeat_its_reply_when_it_comes_back_and_the_asker_gets_one() {
    let mut stage = stage_with(Absence::default());
    let mut provider = Client::default();
    provider.connect(&mut stage, None);
    let serve = Serve { id: 1, filter: "svc".to_owned(), lane: None };
    stage.say(provider.slot, &ClientFrame::Serve(serve));
    let asker = stage.enter("asker");
    stage.say(asker, &request(3, "svc"));
    provider.take(&mut stage, usize::MAX);
    let token = provider.answers.iter().find_map(|frame| match frame {
        BrokerFrame::Request(request) => Some(request.token.clone()),
        _ => None,
    });
    let to = token.expect("it was asked");
    // The reply is lost with the link, and nobody knows.
    stage.lose(provider.slot);
    assert!(come_back(&mut provider, &mut stage));
    for _ in 0..2 {
        let reply = Reply { to: to.clone(), outcome: Outcome::Answer(Body::default()) };
        stage.say(provider.slot, &ClientFrame::Reply(reply));
    }
    let replies = |frame: &BrokerFrame<'_>| matches!(frame, BrokerFrame::Reply(_));
    assert_eq!(stage.frames(asker).iter().filter(|frame| replies(frame)).count(), 1);
    provider.answers.clear();
    provider.take(&mut stage, usize::MAX);
    assert!(provider.answers.is_empty(), "what nobody waits for is passed over");
}
