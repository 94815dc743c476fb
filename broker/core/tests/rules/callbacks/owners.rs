//! Whether an owner is away: told to holders who asked, each change once, and of what waits the last.

use std::time::Duration;

use broker_core::{Config, SequencerConfig};
use broker_protocol::Codec;
use broker_protocol::frame::{
    BrokerFrame, ClientFrame, Connect, Connected, LanePosition, Owner, OwnerState, Pong, Released,
    ReleasedReason, Resume,
};

use super::{Scene, method};
use crate::stage::Stage;

const AWAY: OwnerState = OwnerState::Away;
const BACK: OwnerState = OwnerState::Back;

/// What a holder is told, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Word {
    Owner(String, OwnerState),
    Released(String, ReleasedReason),
}

fn words(scene: &mut Scene, slot: u32) -> Vec<Word> {
    let frames = scene.stage.frames(slot).into_iter();
    let words = frames.filter_map(|frame| match frame {
        BrokerFrame::Owner(Owner { callback, state, .. }) => Some(Word::Owner(callback, state)),
        BrokerFrame::Released(Released { callback, reason }) => {
            Some(Word::Released(callback, reason))
        }
        _ => None,
    });
    words.collect()
}

/// An owner that can come back.
struct Owned {
    connected: Connected,
    slot: u32,
}

impl Owned {
    fn enter(scene: &mut Scene) -> Self {
        let slot = scene.stage.connect(Connect { version: 1, ..Connect::default() });
        let connected = scene.stage.frames(slot).into_iter().find_map(|frame| match frame {
            BrokerFrame::Connected(connected) => Some(connected),
            _ => None,
        });
        Self { connected: connected.expect("it is let in"), slot }
    }

    fn offer(&self, scene: &mut Scene) -> String {
        scene.try_offer(self.slot, &[method("a", 0)]).expect("it is accepted")
    }

    fn come_back(&mut self, scene: &mut Scene) {
        let Connected { session, secret, .. } = self.connected.clone();
        let resume = Some(Resume { session, secret, lanes: Vec::new() });
        self.slot = scene.stage.connect(Connect { version: 1, resume, ..Connect::default() });
    }
}

#[test]
fn who_asked_is_told_that_an_owner_is_away_and_back_and_nobody_else_is() {
    let mut scene = Scene::with_absence();
    let mut owner = Owned::enter(&mut scene);
    let callback = owner.offer(&mut scene);
    let (caller, other) = (scene.caller, scene.stage.enter("other"));
    scene.mind(caller, &callback);
    scene.hold(other, &callback).expect("it is there");
    assert!(words(&mut scene, caller).is_empty());
    for _ in 0..2 {
        scene.stage.lose(owner.slot);
        assert_eq!(words(&mut scene, caller), [Word::Owner(callback.clone(), AWAY)]);
        owner.come_back(&mut scene);
        assert_eq!(words(&mut scene, caller), [Word::Owner(callback.clone(), BACK)]);
    }
    assert!(words(&mut scene, other).is_empty());
}

#[test]
fn who_asks_while_an_owner_is_away_is_told_so_each_time() {
    let mut scene = Scene::with_absence();
    let owner = Owned::enter(&mut scene);
    let callback = owner.offer(&mut scene);
    let (caller, other) = (scene.caller, scene.stage.enter("other"));
    scene.hold(caller, &callback).expect("it is there");
    scene.stage.lose(owner.slot);
    scene.mind(caller, &callback);
    assert_eq!(words(&mut scene, caller), [Word::Owner(callback.clone(), AWAY)]);
    scene.mind(other, &callback);
    assert_eq!(words(&mut scene, other), [Word::Owner(callback.clone(), AWAY)]);
    scene.mind(caller, &callback);
    assert_eq!(words(&mut scene, caller), [Word::Owner(callback.clone(), AWAY)]);
    scene.hold(caller, &callback).expect("it is there");
    assert!(words(&mut scene, caller).is_empty());
}

#[test]
fn a_session_may_be_minded_like_a_callback() {
    let mut scene = Scene::with_absence();
    let mut owner = Owned::enter(&mut scene);
    let (caller, session) = (scene.caller, owner.connected.session.clone());
    scene.mind(caller, &session);
    scene.stage.lose(owner.slot);
    assert_eq!(words(&mut scene, caller), [Word::Owner(session.clone(), AWAY)]);
    let other = scene.stage.enter("other");
    scene.mind(other, &session);
    assert_eq!(words(&mut scene, other), [Word::Owner(session.clone(), AWAY)]);
    owner.come_back(&mut scene);
    for slot in [caller, other] {
        assert_eq!(words(&mut scene, slot), [Word::Owner(session.clone(), BACK)]);
    }
    scene.mind(caller, "0-9-9");
    assert!(words(&mut scene, caller).is_empty());
}

#[test]
fn an_owner_that_does_not_come_back_is_away_and_then_over() {
    let mut scene = Scene::with_absence();
    let owner = Owned::enter(&mut scene);
    let callback = owner.offer(&mut scene);
    let caller = scene.caller;
    scene.mind(caller, &callback);
    scene.stage.lose(owner.slot);
    assert_eq!(words(&mut scene, caller), [Word::Owner(callback.clone(), AWAY)]);
    let mut wait = |seconds| {
        scene.stage.pass(Duration::from_secs(seconds));
        scene.stage.say(caller, &ClientFrame::Pong(Pong::default()));
        words(&mut scene, caller)
    };
    assert!(wait(14).is_empty() && wait(15).is_empty());
    assert_eq!(wait(2), [Word::Released(callback, ReleasedReason::TimedOut)]);
}

#[test]
fn an_owner_without_expiry_is_over_and_never_away() {
    let mut scene = Scene::new();
    let callback = scene.offer(&[method("a", 0)]);
    let caller = scene.caller;
    scene.mind(caller, &callback);
    scene.stage.lose(scene.owner);
    let expected = [Word::Released(callback, ReleasedReason::TimedOut)];
    assert_eq!(words(&mut scene, caller), expected);
}

#[test]
fn a_session_that_is_taken_over_is_away_and_back() {
    let mut scene = Scene::with_absence();
    let mut owner = Owned::enter(&mut scene);
    let callback = owner.offer(&mut scene);
    let caller = scene.caller;
    scene.mind(caller, &callback);
    owner.come_back(&mut scene);
    let told = words(&mut scene, caller);
    assert_eq!(told.last(), Some(&Word::Owner(callback.clone(), BACK)), "{told:?}");
    scene.stage.lose(owner.slot);
    assert_eq!(words(&mut scene, caller), [Word::Owner(callback, AWAY)]);
}

#[test]
fn what_changes_while_a_holder_is_behind_is_told_once_as_it_is_then() {
    let mut scene = Scene::with_absence();
    let mut owner = Owned::enter(&mut scene);
    let (one, over) = (owner.offer(&mut scene), owner.offer(&mut scene));
    let caller = scene.caller;
    scene.mind(caller, &one);
    scene.mind(caller, &over);
    assert!(words(&mut scene, caller).is_empty());
    scene.stage.set_room(caller, 0);
    for _ in 0..5 {
        scene.stage.lose(owner.slot);
        owner.come_back(&mut scene);
    }
    scene.stage.lose(owner.slot);
    owner.come_back(&mut scene);
    scene.release(owner.slot, &over);
    scene.stage.lose(owner.slot);
    scene.stage.set_room(caller, usize::MAX);
    scene.stage.turn();
    let mut told = words(&mut scene, caller);
    told.sort_by_key(|word| matches!(word, Word::Released(..)));
    let expected = [Word::Owner(one, AWAY), Word::Released(over, ReleasedReason::Released)];
    assert_eq!(told, expected);
}

#[test]
fn what_was_told_while_a_holder_was_lost_is_told_when_it_comes_back_and_once() {
    let mut scene = Scene::with_absence();
    let (mut owner, mut holder) = (Owned::enter(&mut scene), Owned::enter(&mut scene));
    let callback = owner.offer(&mut scene);
    scene.mind(holder.slot, &callback);
    scene.stage.lose(holder.slot);
    scene.stage.lose(owner.slot);
    // The first time it is lost with the link.
    for _ in 0..2 {
        holder.come_back(&mut scene);
        assert_eq!(words(&mut scene, holder.slot), [Word::Owner(callback.clone(), AWAY)]);
        scene.stage.lose(holder.slot);
    }
    owner.come_back(&mut scene);
    let Connected { session, secret, .. } = holder.connected.clone();
    let lanes = vec![LanePosition { lane: 0, frames: 1 }];
    let resume = Some(Resume { session, secret, lanes });
    let slot = scene.stage.connect(Connect { version: 1, resume, ..Connect::default() });
    assert_eq!(words(&mut scene, slot), [Word::Owner(callback, BACK)]);
}

#[test]
fn who_has_let_go_is_not_told() {
    let mut scene = Scene::with_absence();
    let owner = Owned::enter(&mut scene);
    let callback = owner.offer(&mut scene);
    let caller = scene.caller;
    scene.mind(caller, &callback);
    scene.release(caller, &callback);
    scene.stage.lose(owner.slot);
    assert!(words(&mut scene, caller).is_empty());
    scene.mind(caller, &callback);
    assert_eq!(words(&mut scene, caller), [Word::Owner(callback, AWAY)]);
}

#[test]
fn what_is_told_names_the_last_hold_that_asked_also_where_it_comes_behind_the_answer_to_another() {
    let mut scene = Scene::with_absence();
    let mut owner = Owned::enter(&mut scene);
    let callback = owner.offer(&mut scene);
    let caller = scene.caller;
    let first = scene.mind(caller, &callback);
    scene.stage.lose(owner.slot);
    let (told, answered) = (answered_holds(&mut scene), scene.mind(caller, &callback));
    assert_eq!(told, [(AWAY, Some(first))]);
    assert_eq!(answered_holds(&mut scene), [(AWAY, Some(answered))], "asked again");
    scene.hold(caller, &callback).expect("it is there");
    owner.come_back(&mut scene);
    assert_eq!(answered_holds(&mut scene), [(BACK, Some(answered))], "who holds again doesn't ask");
    // Control goes by a way of its own, and so the answer to the next hold comes first.
    scene.stage.set_room(caller, 0);
    scene.stage.lose(owner.slot);
    scene.release(caller, &callback);
    let last = scene.mind(caller, &callback);
    scene.stage.set_room(caller, usize::MAX);
    scene.stage.turn();
    assert_eq!(answered_holds(&mut scene), [(AWAY, Some(last))]);
    scene.release(caller, &callback);
    scene.hold(caller, &callback).expect("it is there");
    owner.come_back(&mut scene);
    assert!(answered_holds(&mut scene).is_empty(), "it didn't ask");
}

/// What the caller is told of an owner, with the hold that this answers.
fn answered_holds(scene: &mut Scene) -> Vec<(OwnerState, Option<u64>)> {
    let frames = scene.stage.frames(scene.caller).into_iter();
    let told = frames.filter_map(|frame| match frame {
        BrokerFrame::Owner(Owner { state, hold, .. }) => Some((state, hold)),
        _ => None,
    });
    told.collect()
}

#[test]
fn more_holders_than_are_told_in_a_turn_are_told_in_the_next() {
    let config = Config::default();
    let stage = Stage::with_absence(config, SequencerConfig::default(), Codec::Bincode);
    let mut scene = Scene::on(stage);
    let owner = Owned::enter(&mut scene);
    let callback = owner.offer(&mut scene);
    let slots: Vec<u32> = (0..1001).map(|_| scene.stage.enter("holder")).collect();
    for slot in &slots {
        scene.mind(*slot, &callback);
        assert!(words(&mut scene, *slot).is_empty());
    }
    scene.stage.lose(owner.slot);
    scene.stage.turn();
    let told = slots.iter().filter(|slot| !words(&mut scene, **slot).is_empty());
    assert_eq!(told.count(), 1001);
}

#[test]
fn an_owner_of_more_than_is_said_in_a_turn_is_said_to_be_back_where_it_was_said_to_be_away() {
    let mut scene = Scene::with_absence();
    let mut owner = Owned::enter(&mut scene);
    let callbacks: Vec<_> = (0..1500).map(|_| owner.offer(&mut scene)).collect();
    let caller = scene.caller;
    for callback in &callbacks {
        scene.mind(caller, callback);
    }
    assert!(words(&mut scene, caller).is_empty());
    scene.stage.lose(owner.slot);
    scene.stage.turn();
    let away = words(&mut scene, caller);
    assert_eq!(away.len(), callbacks.len());
    owner.come_back(&mut scene);
    scene.stage.lose(owner.slot);
    owner.come_back(&mut scene);
    scene.stage.turn();
    // However much was said of it in between.
    let mut last = std::collections::HashMap::new();
    for word in words(&mut scene, caller) {
        let Word::Owner(callback, state) = word else { panic!("{word:?}") };
        assert_ne!(last.insert(callback, state), Some(state), "each change once");
    }
    assert_eq!(last.len(), callbacks.len());
    assert!(last.values().all(|state| *state == BACK));
}

#[test]
fn what_waits_about_an_owner_is_void_once_it_is_held_no_longer() {
    let mut scene = Scene::with_absence();
    let mut owner = Owned::enter(&mut scene);
    let callback = owner.offer(&mut scene);
    let caller = scene.caller;
    scene.mind(caller, &callback);
    scene.stage.set_room(caller, 0);
    scene.stage.lose(owner.slot);
    scene.release(caller, &callback);
    owner.come_back(&mut scene);
    scene.mind(caller, &callback);
    scene.stage.set_room(caller, usize::MAX);
    scene.stage.turn();
    assert_eq!(words(&mut scene, caller), [Word::Owner(callback, BACK)]);
}

#[test]
fn of_an_owner_that_comes_and_goes_only_the_last_is_told_to_many_holders() {
    let mut scene = Scene::with_absence();
    let mut owner = Owned::enter(&mut scene);
    let callback = owner.offer(&mut scene);
    let holders: Vec<u32> =
        (0..1_500).map(|number| scene.stage.enter(&format!("holder-{number}"))).collect();
    for holder in &holders {
        scene.mind(*holder, &callback);
    }
    for _ in 0..3 {
        scene.stage.lose(owner.slot);
        owner.come_back(&mut scene);
    }
    scene.stage.lose(owner.slot);
    (0..3).for_each(|_| scene.stage.turn());
    for holder in holders {
        let told = words(&mut scene, holder);
        assert_eq!(told.last(), Some(&Word::Owner(callback.clone(), AWAY)), "{holder}: {told:?}");
    }
}
