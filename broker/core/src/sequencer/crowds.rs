//! Crowds in one place: whoever comes and goes costs the others nothing. Each of these is a matter
//! of seconds; where one who leaves is looked for among all, it is one of many minutes.

use bytes::Bytes;

use super::*;
use crate::SessionId;
use crate::command::{Purpose, Standing};

const CROWD: u32 = 200_000;

fn session(slot: u32) -> SessionId {
    SessionId { shard: ShardId(0), slot, generation: 0 }
}

/// Carries out commands of which nobody is to be told anything that matters here.
fn carry_out(sequencer: &mut Sequencer, commands: Vec<Command>) {
    let batch = Batch { commands, arena: Bytes::new() };
    sequencer.handle(Now::default(), &batch, &mut |_: ShardId, _: Item| {});
}

/// A crowd that stands for one filter comes, and goes from the front.
fn come_and_go(purpose: &Purpose) -> Sequencer {
    let mut sequencer = Sequencer::new(SequencerConfig::default(), Now::default());
    let (name, filter): (Arc<str>, Arc<str>) = ("sensor".into(), "job".into());
    let standings = (0..CROWD).map(|slot| {
        let (name, filter, purpose) = (name.clone(), filter.clone(), purpose.clone());
        Standing { session: session(slot), name, subscription: 1, filter, purpose }
    });
    let standings: Vec<Standing> = standings.collect();
    carry_out(&mut sequencer, standings.iter().cloned().map(Command::Subscribe).collect());
    let leave = |standing| Command::Unsubscribe { standing: Box::new(standing), id: None };
    carry_out(&mut sequencer, standings.into_iter().map(leave).collect());
    sequencer
}

#[test]
fn a_crowd_leaves_a_queue_group() {
    let mut sequencer = come_and_go(&Purpose::Group("crew".into()));
    assert_eq!(sequencer.groups.choose_in(&"crew".into(), &"job".into()), None);
}

#[test]
fn a_crowd_of_providers_ends_its_service() {
    let mut sequencer = come_and_go(&Purpose::Requests);
    assert_eq!(sequencer.providers.choose("job", &sequencer.groups), None);
}

#[test]
fn a_crowd_of_watchers_goes() {
    come_and_go(&Purpose::Messages { presence: true });
}

#[test]
fn a_crowd_with_one_name_vanishes() {
    let mut sequencer = Sequencer::new(SequencerConfig::default(), Now::default());
    let name: Arc<str> = "sensor".into();
    let open = |slot| Command::Open { session: session(slot), name: name.clone() };
    let close = |slot| Command::Close { session: session(slot), name: name.clone() };
    carry_out(&mut sequencer, (0..CROWD).map(open).collect());
    carry_out(&mut sequencer, (0..CROWD - 1).map(close).collect());
    assert_eq!(sequencer.directory.find("sensor"), Some(session(CROWD - 1)));
    carry_out(&mut sequencer, vec![close(CROWD - 1)]);
    assert_eq!(sequencer.directory.find("sensor"), None);
}

#[test]
fn providers_of_different_filters_take_turns_also_while_other_topics_are_asked() {
    let mut sequencer = Sequencer::new(SequencerConfig::default(), Now::default());
    let serve = |slot, filter: &str| {
        let (name, filter) = (Arc::from("p"), Arc::from(filter));
        let purpose = Purpose::Requests;
        Command::Subscribe(Standing {
            session: session(slot),
            name,
            subscription: 1,
            filter,
            purpose,
        })
    };
    let commands = vec![serve(1, "a"), serve(2, "*"), serve(3, "b"), serve(4, "b")];
    carry_out(&mut sequencer, commands);
    let Sequencer { providers, groups, .. } = &mut sequencer;
    let mut ask = |topic| providers.choose(topic, groups).map(|chosen| chosen.session.slot);
    let asked: Vec<_> = ["a", "b", "a", "b", "a", "b"].into_iter().filter_map(&mut ask).collect();
    assert_eq!(asked, [1, 2, 1, 3, 2, 4]);
}
