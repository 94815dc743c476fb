mod forgetting;
mod limits;

use std::time::Duration;

use broker_protocol::ErrorCode;
use bytes::BytesMut;

use super::*;
use crate::command::{Purpose, Retain, Standing};
use crate::{Answer, Publication, SessionId, Span, Token, TopicId};

/// A sequencer, and everything that it told.
struct Stage {
    sequencer: Sequencer,
    now: Now,
    told: Vec<(ShardId, Item)>,
}

const FORGET_AFTER: Duration = Duration::from_secs(10);

const ANN: SessionId = session(0, 1);
const BOB: SessionId = session(1, 1);
const EVE: SessionId = session(1, 2);

const fn session(shard: u16, slot: u32) -> SessionId {
    SessionId { shard: ShardId(shard), slot, generation: 0 }
}

fn standing(session: SessionId, filter: &str, purpose: Purpose) -> Standing {
    let name = Arc::from(format!("client-{session}"));
    Standing { session, name, subscription: 1, filter: filter.into(), purpose }
}

fn messages(session: SessionId, filter: &str) -> Standing {
    standing(session, filter, Purpose::Messages { presence: false })
}

fn member(session: SessionId) -> Standing {
    standing(session, "job", Purpose::Group("crew".into()))
}

impl Stage {
    fn new(config: SequencerConfig) -> Self {
        let now = Now { monotonic: Duration::ZERO, wall: 1000 };
        Self { sequencer: Sequencer::new(config, now), now, told: Vec::new() }
    }

    fn carry_out(&mut self, arena: &[u8], command: Command) -> Vec<(ShardId, Item)> {
        let batch = Batch { commands: vec![command], arena: BytesMut::from(arena).freeze() };
        let told = &mut self.told;
        let mut out = |shard: ShardId, item: Item| told.push((shard, item));
        self.sequencer.handle(self.now, &batch, &mut out);
        std::mem::take(&mut self.told)
    }

    fn publish(&mut self, session: SessionId, topic: &str) -> Vec<(ShardId, Item)> {
        let topic_span = Span { start: 0, end: topic.len() as u32 };
        let (id, parts) = (None, topic_span);
        let (expires_in, retain) = (None, Retain::No);
        let publish =
            Command::Publish { session, id, topic: topic_span, parts, expires_in, retain };
        self.carry_out(topic.as_bytes(), publish)
    }

    /// The place of the next message of a topic, which somebody must want.
    fn place(&mut self, topic: &str) -> (u64, u64) {
        let told = self.publish(ANN, topic);
        let places = told.iter().filter_map(|(_, item)| match item {
            Item::Message { publication, .. } => Some((publication.epoch, publication.seq)),
            _ => None,
        });
        let places: Vec<_> = places.collect();
        assert!(places.windows(2).all(|two| two[0] == two[1]), "{places:?}");
        places[0]
    }

    fn request(&mut self, number: u64, topic: &str) -> Vec<(ShardId, Item)> {
        let token = Token { shard: ANN.shard, number };
        let span = Span { start: 0, end: topic.len() as u32 };
        let request = Command::Request { asker: ANN, id: number, token, topic: span, frame: span };
        self.carry_out(topic.as_bytes(), request)
    }

    fn subscribe(&mut self, standing: Standing) -> Vec<(ShardId, Item)> {
        let (session, name) = (standing.session, standing.name.clone());
        self.carry_out(b"", Command::Open { session, name });
        self.carry_out(b"", Command::Subscribe(standing))
    }

    /// A shard says that of the topics which it was asked about nothing waits but of these.
    fn answer(
        &mut self,
        told: &[(ShardId, Item)],
        shard: u16,
        waiting: &[TopicId],
    ) -> Vec<(ShardId, Item)> {
        let shard = ShardId(shard);
        let asked = told.iter().find_map(|(to, item)| match item {
            Item::Idle { round, .. } if *to == shard => Some(*round),
            _ => None,
        });
        let (round, topics) = (asked.expect("it was asked"), waiting.to_vec());
        self.carry_out(b"", Command::StillWaiting { round, shard, topics })
    }

    fn chosen(&mut self) -> Vec<SessionId> {
        let told = self.publish(ANN, "job");
        let addressed = told.into_iter().filter_map(|(_, item)| match item {
            Item::Message { addressed, .. } => Some(addressed),
            _ => None,
        });
        addressed.flatten().map(|addressee| addressee.session).collect()
    }
}

fn refusals(told: &[(ShardId, Item)]) -> Vec<ErrorCode> {
    let answers = told.iter().filter_map(|(_, item)| match item {
        Item::Answer { answer: Answer::Rejected { code, .. }, .. }
        | Item::Answer { answer: Answer::RequestFailed { code, .. }, .. } => Some(*code),
        _ => None,
    });
    answers.collect()
}

fn forgotten(told: &[(ShardId, Item)]) -> usize {
    told.iter().filter(|(_, item)| matches!(item, Item::Forgotten { .. })).count()
}

/// The topics that a shard is asked about.
fn asked(told: &[(ShardId, Item)], shard: u16) -> Vec<TopicId> {
    let asked = told.iter().filter(|(to, _)| *to == ShardId(shard));
    let topics = asked.filter_map(|(_, item)| match item {
        Item::Idle { topics, .. } => Some(topics.to_vec()),
        _ => None,
    });
    topics.flatten().collect()
}

#[test]
fn sequences_count_from_one_in_each_topic_also_while_nobody_listens() {
    let mut stage = Stage::new(SequencerConfig::default());
    assert!(stage.publish(ANN, "a").is_empty());
    assert!(stage.publish(ANN, "a").is_empty());
    stage.subscribe(messages(BOB, ">"));
    assert_eq!(stage.place("a"), (1000, 3));
    assert_eq!(stage.place("b"), (1000, 1));
}

#[test]
fn every_shard_that_wants_a_message_gets_it_once_and_no_other() {
    let mut stage = Stage::new(SequencerConfig::default());
    for standing in [messages(ANN, "a"), messages(BOB, ">"), messages(EVE, "a")] {
        stage.subscribe(standing);
    }
    let shards = |told: Vec<(ShardId, Item)>| told.iter().map(|one| one.0.0).collect::<Vec<_>>();
    assert_eq!(shards(stage.publish(ANN, "a")), [0, 1]);
    assert_eq!(shards(stage.publish(ANN, "b")), [1]);
    let standing = messages(BOB, ">");
    stage.carry_out(b"", Command::Unsubscribe { standing: Box::new(standing), id: None });
    assert_eq!(shards(stage.publish(ANN, "a")), [0, 1], "another of that shard wants it");
    assert!(shards(stage.publish(ANN, "b")).is_empty());
}

#[test]
fn a_group_takes_turns_and_passes_over_blocked_members_while_others_are_ready() {
    let mut stage = Stage::new(SequencerConfig::default());
    for session in [ANN, BOB, EVE] {
        stage.subscribe(member(session));
    }
    let turns: Vec<_> = (0..4).flat_map(|_| stage.chosen()).collect();
    assert_eq!(turns, [ANN, BOB, EVE, ANN]);
    let block = |session, blocked| Command::Blocked { session, blocked };
    stage.carry_out(b"", block(BOB, true));
    let turns: Vec<_> = (0..4).flat_map(|_| stage.chosen()).collect();
    assert_eq!(turns, [EVE, ANN, EVE, ANN]);
    stage.carry_out(b"", block(ANN, true));
    stage.carry_out(b"", block(EVE, true));
    assert_eq!(stage.chosen().len(), 1, "somebody gets it even so");
    stage.carry_out(b"", block(BOB, false));
    assert_eq!(stage.chosen(), [BOB]);
}

#[test]
fn what_is_handed_back_goes_to_another_member_or_nowhere() {
    let mut stage = Stage::new(SequencerConfig::default());
    stage.subscribe(member(ANN));
    stage.subscribe(member(BOB));
    stage.carry_out(b"", Command::Unsubscribe { standing: Box::new(member(ANN)), id: None });
    let publication = Publication {
        topic: "job".into(),
        topic_id: TopicId(0),
        seq: 7,
        epoch: 1000,
        time: 0,
        expires: None,
        parts: bytes::Bytes::new(),
    };
    let (standing, again) = (Box::new(member(ANN)), Box::new(publication.clone()));
    let told = stage.carry_out(b"", Command::HandBack { standing, publication: again });
    // The topic is known no more, and what the shard notes of it is forgotten at once.
    let [
        (ShardId(1), Item::Message { publication: got, to_all: false, addressed }),
        (ShardId(1), Item::Forgotten { topic_id: TopicId(0) }),
    ] = &told[..]
    else {
        panic!("{told:?}");
    };
    assert_eq!((got.seq, addressed[0].session), (7, BOB));
    stage.carry_out(b"", Command::Unsubscribe { standing: Box::new(member(BOB)), id: None });
    let (standing, publication) = (Box::new(member(BOB)), Box::new(publication));
    assert!(stage.carry_out(b"", Command::HandBack { standing, publication }).is_empty());
}

#[test]
fn a_request_has_one_outcome_whatever_comes_twice() {
    let mut stage = Stage::new(SequencerConfig::default());
    assert_eq!(refusals(&stage.request(1, "svc")), [ErrorCode::NobodyAnswers]);
    stage.subscribe(standing(BOB, "svc", Purpose::Requests));
    let told = stage.request(2, "svc");
    assert!(matches!(told[..], [(ShardId(1), Item::Request { provider: BOB, .. })]));
    let token = Token { shard: ANN.shard, number: 2 };
    let frame = Span { start: 0, end: 0 };
    let told = stage.carry_out(b"", Command::Reply { token, frame });
    assert!(matches!(told[..], [(ShardId(0), Item::Reply { asker: ANN, id: 2, .. })]));
    assert!(stage.carry_out(b"", Command::Reply { token, frame }).is_empty());
    assert!(stage.carry_out(b"", Command::Cancel { token }).is_empty());
    let (code, message) = (ErrorCode::ProviderGone, String::new());
    assert!(stage.carry_out(b"", Command::Refuse { token, code, message }).is_empty());
}

#[test]
fn a_request_that_is_cancelled_is_taken_from_its_provider() {
    let mut stage = Stage::new(SequencerConfig::default());
    stage.subscribe(standing(BOB, "svc", Purpose::Requests));
    stage.request(1, "svc");
    let token = Token { shard: ANN.shard, number: 1 };
    let told = stage.carry_out(b"", Command::Cancel { token });
    assert!(matches!(told[..], [(ShardId(1), Item::Cancelled { provider: BOB, .. })]));
    assert!(stage.carry_out(b"", Command::Cancel { token }).is_empty());
}

#[test]
fn the_session_that_came_last_is_reached_by_a_name_and_then_the_one_before() {
    let mut stage = Stage::new(SequencerConfig::default());
    let name: Arc<str> = "twin".into();
    let span = Span { start: 0, end: 8 };
    let reached = |stage: &mut Stage| {
        let (id, to) = (Some(1), name.clone());
        let send =
            Command::Send { session: ANN, id, to, topic: span, parts: span, expires_in: None };
        match &stage.carry_out(b"$to.twin", send)[..] {
            [(_, Item::Sent { to, .. })] => Some(*to),
            _ => None,
        }
    };
    let open = |session| Command::Open { session, name: "twin".into() };
    let close = |session| Command::Close { session, name: "twin".into() };
    assert_eq!(reached(&mut stage), None);
    stage.carry_out(b"", open(BOB));
    stage.carry_out(b"", open(EVE));
    assert_eq!(reached(&mut stage), Some(EVE));
    stage.carry_out(b"", close(EVE));
    assert_eq!(reached(&mut stage), Some(BOB));
    stage.carry_out(b"", close(BOB));
    assert_eq!(reached(&mut stage), None);
}

#[test]
fn a_watcher_hears_of_a_name_once_however_often_it_is_there() {
    let mut stage = Stage::new(SequencerConfig::default());
    stage.subscribe(standing(ANN, "room", Purpose::Messages { presence: true }));
    let heard = |told: Vec<(ShardId, Item)>| {
        let presences = told.into_iter().filter_map(|(_, item)| match item {
            Item::Presence { joined, left, .. } => Some((joined.len(), left.len())),
            _ => None,
        });
        presences.collect::<Vec<_>>()
    };
    let twice = Standing { subscription: 2, ..messages(BOB, "room") };
    assert_eq!(heard(stage.subscribe(messages(BOB, "room"))), [(1, 0)]);
    assert_eq!(heard(stage.subscribe(twice.clone())), []);
    let mut end = |standing| {
        stage.carry_out(b"", Command::Unsubscribe { standing: Box::new(standing), id: None })
    };
    assert_eq!(heard(end(twice)), []);
    assert_eq!(heard(end(messages(BOB, "room"))), [(0, 1)]);
}
