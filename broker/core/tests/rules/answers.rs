//! What clients are answered, and told of others, arrives, however much was lost with a link.

use std::collections::BTreeSet;
use std::time::Duration;

use broker_core::Absence;
use broker_protocol::frame::{
    BrokerFrame, ClientFrame, LaneOptions, Move, Pong, Presence, Subscribe, Unsubscribe,
};

use crate::resuming::{Client, come_back, pair, stage_with};
use crate::stage::{Stage, request, send, subscribe};

/// A broker that keeps hardly anything of what was sent.
fn forgetful() -> Stage {
    stage_with(Absence { resume_window: 300, ..Absence::default() })
}

fn moving(id: u64, lane: u8) -> ClientFrame<'static> {
    ClientFrame::Move(Move { id, subscription: 1, lane, options: None })
}

fn unsubscribe(id: u64) -> ClientFrame<'static> {
    ClientFrame::Unsubscribe(Unsubscribe { id, subscription: 1 })
}

fn watch(id: u64, filter: &str) -> ClientFrame<'static> {
    let presence = true;
    ClientFrame::Subscribe(Subscribe { id, presence, lane: Some(1), ..subscribe(filter) })
}

/// More than is kept, in lane 1 or where its subscription is.
fn much(stage: &mut Stage, publisher: u32) {
    (0..20).for_each(|_| stage.publish(publisher, "a.x", &[0; 100]));
}

/// A client takes nothing of what is under way, loses its link and comes back.
fn cut(stage: &mut Stage, client: &mut Client) {
    stage.frames(client.slot);
    stage.lose(client.slot);
    client.answers.clear();
    assert!(come_back(client, stage));
}

/// What came in short: gaps by their count, runs of messages by theirs, answers by their id.
fn story(client: &Client) -> Vec<String> {
    let mut told: Vec<(String, u64)> = Vec::new();
    for frame in &client.answers {
        let (what, count) = match frame {
            BrokerFrame::Gap(gap) => ("missing ".to_owned(), gap.count),
            BrokerFrame::Message(_) => ("messages ".to_owned(), 1),
            BrokerFrame::Accepted(accepted) => ("accepted ".to_owned(), accepted.id),
            BrokerFrame::Moved(moved) => ("moved to ".to_owned(), moved.lane.into()),
            _ => continue,
        };
        match told.last_mut() {
            Some((last, so_far)) if *last == what && what == "messages " => *so_far += count,
            _ => told.push((what, count)),
        }
    }
    told.into_iter().map(|(what, count)| format!("{what}{count}")).collect()
}

#[test]
fn an_answer_that_was_lost_long_ago_is_told_in_its_place_and_the_repeat_isnt_answered_again() {
    let mut stage = forgetful();
    let (mut client, publisher) = pair(&mut stage, LaneOptions::default());
    stage.publish(publisher, "a.x", b"x");
    let other = Subscribe { id: 60, lane: Some(1), ..subscribe("a.>") };
    let commands = [ClientFrame::Subscribe(other), unsubscribe(61)];
    for command in &commands {
        stage.say(client.slot, command);
        much(&mut stage, publisher);
    }
    cut(&mut stage, &mut client);
    commands.iter().for_each(|command| stage.say(client.slot, command));
    client.take(&mut stage, usize::MAX);
    // What was missed before and behind an answer is told there: the second one stands for all that is
    // published, the first one had its last message.
    let expected =
        ["missing 1", "accepted 60", "missing 20", "accepted 61", "missing 18", "messages 2"];
    assert_eq!(story(&client), expected);
}

#[test]
fn both_words_of_a_move_arrive_though_both_lanes_lost_them() {
    let mut stage = forgetful();
    let (mut client, publisher) = pair(&mut stage, LaneOptions::default());
    let other = Subscribe { id: 60, lane: Some(1), ..subscribe("a.>") };
    stage.say(client.slot, &ClientFrame::Subscribe(other));
    client.take(&mut stage, usize::MAX);
    stage.say(client.slot, &moving(62, 2));
    much(&mut stage, publisher);
    cut(&mut stage, &mut client);
    stage.say(client.slot, &moving(62, 2));
    client.take(&mut stage, usize::MAX);
    let mut told = story(&client);
    told.retain(|what| what.starts_with("accepted") || what.starts_with("moved"));
    told.sort();
    assert_eq!(told, ["accepted 62", "moved to 2"]);
    assert_eq!(client.seqs("a.x").len() as u64 + client.told, 40, "each lane has its copies");
}

#[test]
fn a_lane_that_lost_something_does_not_accept_a_subscription_twice() {
    let mut stage = forgetful();
    let (mut client, publisher) = pair(&mut stage, LaneOptions::default());
    let other = ClientFrame::Subscribe(Subscribe { id: 60, lane: Some(1), ..subscribe("b") });
    much(&mut stage, publisher);
    stage.say(client.slot, &other);
    stage.frames(client.slot);
    stage.lose(client.slot);
    assert!(come_back(&mut client, &mut stage));
    // The lane lost something, and kept this answer.
    assert!(client.told > 0);
    stage.say(client.slot, &other);
    client.take(&mut stage, usize::MAX);
    assert_eq!(client.accepted(60), 1);
}

#[test]
fn who_came_and_went_is_told_however_much_was_lost() {
    let mut stage = forgetful();
    let (mut client, publisher) = pair(&mut stage, LaneOptions::default());
    stage.say(client.slot, &watch(60, "room"));
    client.take(&mut stage, usize::MAX);
    let ann = stage.enter("ann");
    stage.subscribe(ann, "room");
    much(&mut stage, publisher);
    stage.subscribe(publisher, "room");
    stage.lose(ann);
    much(&mut stage, publisher);
    cut(&mut stage, &mut client);
    let presences = client.answers.iter().filter_map(|frame| match frame {
        BrokerFrame::Presence(Presence { joined, left, .. }) => {
            Some((joined.clone(), left.clone()))
        }
        _ => None,
    });
    let (mut there, mut seen) = (BTreeSet::new(), 0);
    for (joined, left) in presences {
        there.extend(joined);
        there.retain(|name| !left.contains(name));
        seen += 1;
    }
    assert!(seen > 0 && there.contains("publisher"), "{there:?}");
    assert!(client.told > 0, "something was lost");
}

#[test]
fn who_lost_more_answers_than_are_kept_aside_begins_anew() {
    // An answer costs some 90 bytes; 64 KiB of them are kept aside in a lane.
    for (answers, resumed) in [(300, true), (3000, false)] {
        let mut stage = forgetful();
        let (mut client, _) = pair(&mut stage, LaneOptions::default());
        for id in 1000..1000 + answers {
            let other = Subscribe { id, lane: Some(1), ..subscribe("b") };
            stage.write(client.slot, &ClientFrame::Subscribe(other));
            stage.turn();
        }
        stage.frames(client.slot);
        stage.lose(client.slot);
        assert_eq!(come_back(&mut client, &mut stage), resumed, "{answers} answers");
        if resumed {
            assert!((1000..1000 + answers).all(|id| client.accepted(id) == 1));
        }
    }
}

#[test]
fn what_was_answered_is_let_go_when_a_ping_behind_it_is_answered() {
    let absence = Absence { bytes_max: 10_000, ..Absence::default() };
    for (pong, stays) in [(true, true), (false, false)] {
        let mut stage = stage_with(absence.clone());
        let mut client = Client::default();
        client.connect(&mut stage, None);
        (1..=400).for_each(|id| stage.say(client.slot, &request(id, "nobody.serves")));
        client.take(&mut stage, usize::MAX);
        stage.pass(Duration::from_secs(16));
        if pong {
            stage.say(client.slot, &ClientFrame::Pong(Pong::default()));
        }
        stage.lose(client.slot);
        // What is kept for clients that are away is bounded, answers included.
        stage.pass(Duration::from_secs(1));
        assert_eq!(come_back(&mut client, &mut stage), stays);
    }
}

#[test]
fn what_was_answered_behind_the_ping_stays_known() {
    let mut stage = stage_with(Absence::default());
    let mut client = Client::default();
    client.connect(&mut stage, None);
    stage.say(client.slot, &request(1, "nobody.serves"));
    client.take(&mut stage, usize::MAX);
    stage.pass(Duration::from_secs(16));
    stage.say(client.slot, &request(2, "nobody.serves"));
    stage.say(client.slot, &ClientFrame::Pong(Pong::default()));
    cut(&mut stage, &mut client);
    stage.say(client.slot, &request(2, "nobody.serves"));
    client.take(&mut stage, usize::MAX);
    let told = client.answers.iter().filter(|frame| matches!(frame, BrokerFrame::Rejected(_)));
    assert_eq!(told.count(), 1);
    assert_eq!(stage.shard.statistics().rejected, 2, "nothing was carried out twice");
}

#[test]
fn a_repeat_of_what_is_still_being_carried_out_is_not_carried_out_again() {
    let mut stage = stage_with(Absence::default());
    let (mut client, _) = pair(&mut stage, LaneOptions::default());
    let bob = stage.enter("bob");
    // Both are read, and the sequencer hasn't answered, when the client comes back.
    let commands = [unsubscribe(60), send(61, "bob", b"x")];
    for command in &commands {
        stage.write(client.slot, command);
    }
    assert!(come_back(&mut client, &mut stage));
    commands.iter().for_each(|command| stage.say(client.slot, command));
    client.take(&mut stage, usize::MAX);
    assert_eq!((client.accepted(60), client.accepted(61)), (1, 1));
    assert_eq!(stage.messages(bob).len(), 1);
    let refused = client.answers.iter().any(|one| matches!(one, BrokerFrame::Rejected(_)));
    assert!(!refused);
}
