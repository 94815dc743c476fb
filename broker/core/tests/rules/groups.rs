//! Queue groups: one member for each message, whoever comes, is blocked or goes.

use broker_core::{Config, Limits};
use broker_protocol::frame::{ClientFrame, Unsubscribe};

use crate::stage::{Stage, in_group};

fn crew(names: &[&str]) -> (Stage, Vec<u32>) {
    crew_with(Limits::default(), names)
}

fn crew_with(limits: Limits, names: &[&str]) -> (Stage, Vec<u32>) {
    let mut stage = Stage::new(Config { limits, ..Config::default() });
    let members = names.iter().map(|name| stage.enter(name)).collect::<Vec<_>>();
    for member in &members {
        stage.say(*member, &in_group("job", "crew"));
    }
    (stage, members)
}

fn payloads(stage: &mut Stage, slot: u32) -> Vec<u8> {
    stage.messages(slot).iter().map(|message| message.body.payload[0]).collect()
}

#[test]
fn members_take_turns() {
    let (mut stage, members) = crew(&["ann", "bob"]);
    let publisher = stage.enter("eve");
    for number in 1..=4 {
        stage.publish(publisher, "job", &[number]);
    }
    assert_eq!(payloads(&mut stage, members[0]), [1, 3]);
    assert_eq!(payloads(&mut stage, members[1]), [2, 4]);
}

#[test]
fn a_blocked_member_is_passed_over_until_it_has_caught_up() {
    let (mut stage, members) = crew(&["ann", "bob"]);
    let publisher = stage.enter("eve");
    stage.set_room(members[0], 0);
    for number in 1..=5 {
        stage.publish(publisher, "job", &[number]);
    }
    assert_eq!(payloads(&mut stage, members[1]), [2, 3, 4, 5]);
    stage.set_room(members[0], usize::MAX);
    stage.turn();
    assert_eq!(payloads(&mut stage, members[0]), [1]);
    stage.publish(publisher, "job", &[6]);
    stage.publish(publisher, "job", &[7]);
    assert_eq!(payloads(&mut stage, members[0]).len(), 1);
}

#[test]
fn who_joins_while_blocked_is_passed_over_too() {
    let (mut stage, members) = crew(&["ann"]);
    let late = stage.enter("bob");
    let publisher = stage.enter("eve");
    stage.subscribe(late, "x");
    stage.set_room(late, 0);
    stage.publish(publisher, "x", &[0]);
    stage.say(late, &in_group("job", "crew"));
    for number in 1..=4 {
        stage.publish(publisher, "job", &[number]);
    }
    assert_eq!(payloads(&mut stage, members[0]), [1, 2, 3, 4]);
}

#[test]
fn who_left_while_blocked_is_not_passed_over_when_it_comes_back() {
    let (mut stage, members) = crew(&["ann", "bob"]);
    let publisher = stage.enter("eve");
    stage.set_room(members[0], 0);
    stage.publish(publisher, "job", &[1]);
    let leave = Unsubscribe { id: 9, subscription: 1 };
    stage.say(members[0], &ClientFrame::Unsubscribe(leave));
    stage.set_room(members[0], usize::MAX);
    stage.turn();
    stage.say(members[0], &in_group("job", "crew"));
    payloads(&mut stage, members[0]);
    for number in 2..=5 {
        stage.publish(publisher, "job", &[number]);
    }
    assert_eq!(payloads(&mut stage, members[0]).len(), 2);
}

#[test]
fn what_a_member_was_not_written_goes_to_another_with_its_sequence() {
    let (mut stage, members) = crew(&["ann", "bob"]);
    let publisher = stage.enter("eve");
    stage.set_room(members[0], 0);
    for number in 1..=3 {
        stage.publish(publisher, "job", &[number]);
    }
    stage.lose(members[0]);
    let got = stage.messages(members[1]);
    let seqs: Vec<u64> = got.iter().map(|message| message.seq).collect();
    assert_eq!(seqs, [2, 3, 1]);
}

#[test]
fn what_waits_for_a_membership_that_has_ended_is_handed_on_with_its_session() {
    let (mut stage, members) = crew(&["ann", "bob"]);
    let publisher = stage.enter("eve");
    stage.set_room(members[0], 0);
    stage.publish(publisher, "job", &[1]);
    let leave = Unsubscribe { id: 9, subscription: 1 };
    stage.say(members[0], &ClientFrame::Unsubscribe(leave));
    stage.lose(members[0]);
    assert_eq!(payloads(&mut stage, members[1]), [1]);
}

#[test]
fn what_is_on_its_way_to_a_member_that_goes_is_handed_on() {
    let (mut stage, members) = crew(&["ann", "bob"]);
    let publisher = stage.enter("eve");
    let publish = broker_protocol::frame::Publish::bytes("job", &[1]);
    stage.write(publisher, &ClientFrame::Publish(publish));
    // The message is chosen a member before the sequencer hears that it went.
    stage.lose(members[0]);
    assert_eq!(payloads(&mut stage, members[1]), [1]);
}

/// Where each end looks through all that waits for each of those before it, this takes many minutes.
#[test]
fn who_is_blocked_and_leaves_very_many_groups_keeps_what_waits_for_each() {
    const GROUPS: u64 = 4_000;
    let limits = Limits { memberships_max: GROUPS as usize, ..Limits::default() };
    let (mut stage, members) = crew_with(limits, &["ann"]);
    let publisher = stage.enter("eve");
    let mut names = (1..GROUPS).map(|group| format!("crew{group}"));
    names.by_ref().for_each(|name| {
        _ = stage.write(members[0], &in_group("job", &name));
    });
    stage.turn();
    stage.set_room(members[0], 0);
    stage.publish(publisher, "job", &[1]);
    for subscription in 1..=GROUPS {
        let leave = Unsubscribe { id: 9, subscription };
        stage.write(members[0], &ClientFrame::Unsubscribe(leave));
    }
    stage.turn();
    stage.set_room(members[0], usize::MAX);
    stage.turn();
    assert_eq!(payloads(&mut stage, members[0]).len(), GROUPS as usize);
}
