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
fn a_topic_is_forgotten_after_its_time_and_not_earlier_and_comes_back_in_a_later_epoch() {
    let forget_after = Duration::from_secs(10);
    let mut stage = Stage::new(SequencerConfig { forget_after, ..SequencerConfig::default() });
    stage.subscribe(messages(BOB, ">"));
    assert_eq!(stage.place("a"), (1000, 1));
    stage.now.monotonic = Duration::from_millis(9999);
    assert_eq!(stage.place("b"), (1000, 1));
    assert_eq!(stage.sequencer.topics(), 2);
    stage.now.monotonic = Duration::from_secs(10);
    let told = stage.publish(ANN, "b");
    assert_eq!(stage.sequencer.topics(), 2, "something of it may wait");
    let told = stage.answer(&told, 1, &[]);
    assert_eq!(forgotten(&told), 1);
    assert_eq!(stage.place("b"), (1000, 3), "it was used in time");
    assert_eq!(stage.place("a"), (1001, 1));
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

const FORGET_AFTER: Duration = Duration::from_secs(10);

/// `a` reached both shards, `b` one, `c` none.
fn idle() -> (Stage, Vec<(ShardId, Item)>) {
    let config = SequencerConfig { forget_after: FORGET_AFTER, ..SequencerConfig::default() };
    let mut stage = Stage::new(config);
    stage.subscribe(messages(ANN, "a"));
    stage.subscribe(messages(BOB, "*"));
    stage.publish(ANN, "a");
    stage.publish(ANN, "b");
    stage.carry_out(b"", Command::Unsubscribe { standing: Box::new(messages(BOB, "*")), id: None });
    stage.publish(ANN, "c");
    stage.now.monotonic += FORGET_AFTER;
    let told =
        stage.carry_out(b"", Command::Cancel { token: Token { shard: ShardId(0), number: 1 } });
    (stage, told)
}

#[test]
fn a_topic_that_reached_nobody_is_forgotten_at_once_and_others_when_all_shards_have_answered() {
    let (mut stage, told) = idle();
    assert_eq!(stage.sequencer.topics(), 2, "nobody had anything of `c`");
    assert_eq!((asked(&told, 0).len(), asked(&told, 1).len()), (2, 2));
    assert_eq!(forgotten(&stage.answer(&told, 0, &[])), 0);
    let told = stage.answer(&told, 1, &[]);
    assert_eq!(forgotten(&told), 3, "`a` in two shards, `b` in one");
    assert_eq!(stage.sequencer.topics(), 0);
    assert!(stage.sequencer.topics.keeps_nothing());
}

#[test]
fn a_topic_of_which_something_waits_is_asked_about_again_after_its_time() {
    let (mut stage, told) = idle();
    let waiting = asked(&told, 1)[..1].to_vec();
    stage.answer(&told, 0, &[]);
    stage.answer(&told, 1, &waiting);
    assert_eq!(stage.sequencer.topics(), 1);
    assert_eq!(stage.sequencer.statistics().topics_waited, 1);
    let nothing = || Command::Cancel { token: Token { shard: ShardId(0), number: 1 } };
    stage.now.monotonic += FORGET_AFTER - Duration::from_millis(1);
    assert_eq!(asked(&stage.carry_out(b"", nothing()), 1), []);
    stage.now.monotonic += Duration::from_millis(1);
    let told = stage.carry_out(b"", nothing());
    assert_eq!(asked(&told, 1), waiting);
    stage.answer(&told, 0, &[]);
    stage.answer(&told, 1, &[]);
    assert_eq!(stage.sequencer.topics(), 0);
}

#[test]
fn a_topic_that_is_used_while_shards_are_asked_is_not_forgotten() {
    let (mut stage, told) = idle();
    stage.now.monotonic += Duration::from_millis(1);
    assert_eq!(stage.place("a"), (1000, 2));
    stage.answer(&told, 0, &[]);
    stage.answer(&told, 1, &[]);
    assert_eq!(stage.place("a"), (1000, 3));
    assert_eq!(stage.sequencer.topics(), 1);
}

#[test]
fn a_topic_whose_message_is_handed_back_while_shards_are_asked_is_not_forgotten() {
    let config = SequencerConfig { forget_after: FORGET_AFTER, ..SequencerConfig::default() };
    let mut stage = Stage::new(config);
    stage.subscribe(member(ANN));
    let told = stage.publish(ANN, "job");
    let publication = told.into_iter().find_map(|(_, item)| match item {
        Item::Message { publication, .. } => Some(Box::new(publication)),
        _ => None,
    });
    stage.subscribe(member(BOB));
    stage.now.monotonic += FORGET_AFTER;
    let told =
        stage.carry_out(b"", Command::Cancel { token: Token { shard: ShardId(0), number: 1 } });
    assert_eq!((asked(&told, 0).len(), asked(&told, 1).len()), (1, 0));
    let (standing, publication) = (Box::new(member(ANN)), publication.expect("it came"));
    stage.carry_out(b"", Command::HandBack { standing, publication });
    stage.answer(&told, 0, &[]);
    assert_eq!(stage.sequencer.topics(), 1, "it is on its way to somebody");
}

#[test]
fn no_more_topics_are_looked_at_in_a_batch_and_named_at_a_time_than_may_be() {
    let config = SequencerConfig { forget_after: FORGET_AFTER, ..SequencerConfig::default() };
    let mut stage = Stage::new(config);
    stage.subscribe(messages(BOB, ">"));
    (0..3000).for_each(|topic| _ = stage.publish(BOB, &topic.to_string()));
    stage.now.monotonic += FORGET_AFTER;
    let nothing = || Command::Cancel { token: Token { shard: ShardId(0), number: 1 } };
    let first = stage.carry_out(b"", nothing());
    assert_eq!(asked(&first, 1).len(), 64);
    for _ in 0..100 {
        assert_eq!(asked(&stage.carry_out(b"", nothing()), 1), [], "one question at a time");
    }
    assert_eq!(forgotten(&stage.answer(&first, 1, &[])), 64);
    stage.now.monotonic += Duration::from_millis(99);
    assert_eq!(asked(&stage.carry_out(b"", nothing()), 1), [], "and not too often");
    stage.now.monotonic += Duration::from_millis(1);
    let next = stage.carry_out(b"", nothing());
    assert_eq!(asked(&next, 1).len(), 1024);
}

#[test]
fn no_more_topics_are_named_at_a_time_where_some_are_forgotten_at_once() {
    let config = SequencerConfig { forget_after: FORGET_AFTER, ..SequencerConfig::default() };
    let mut stage = Stage::new(config);
    stage.publish(BOB, "to-nobody");
    stage.subscribe(messages(BOB, ">"));
    (0..3000).for_each(|topic| _ = stage.publish(BOB, &topic.to_string()));
    stage.now.monotonic += FORGET_AFTER;
    let nothing = || Command::Cancel { token: Token { shard: ShardId(0), number: 1 } };
    let first = stage.carry_out(b"", nothing());
    assert_eq!(asked(&first, 1).len(), 63);
    (0..100).for_each(|_| _ = stage.carry_out(b"", nothing()));
    stage.now.monotonic += Duration::from_millis(100);
    let next = stage.answer(&first, 1, &[]);
    assert_eq!(asked(&next, 1).len(), 1024);
}

/// Two topics of ann's, of which something waits in a shard, as that has said.
fn waiting(config: SequencerConfig) -> Stage {
    let mut stage = Stage::new(SequencerConfig { forget_after: FORGET_AFTER, ..config });
    stage.subscribe(messages(BOB, ">"));
    for topic in ["a", "b"] {
        assert_eq!(refusals(&stage.publish(ANN, topic)), []);
        stage.now.monotonic += Duration::from_millis(1);
    }
    stage.now.monotonic += FORGET_AFTER;
    let nothing = Command::Cancel { token: Token { shard: ShardId(0), number: 1 } };
    let told = stage.carry_out(b"", nothing);
    let waiting = asked(&told, 1);
    assert_eq!(waiting.len(), 2);
    stage.answer(&told, 1, &waiting);
    stage
}

#[test]
fn what_waits_for_others_costs_a_session_none_of_its_topics() {
    let config = SequencerConfig { topics_per_session_max: 2, ..SequencerConfig::default() };
    let mut stage = waiting(config);
    let told = stage.publish(ANN, "c");
    assert_eq!((refusals(&told), forgotten(&told)), (vec![], 1), "the one that is idle longest");
    assert_eq!(stage.place("b"), (1000, 2));
    assert_eq!(stage.sequencer.statistics().topics_displaced, 1);
    assert_eq!(refusals(&stage.publish(ANN, "d")), [ErrorCode::TooManyTopics], "both are in use");
    assert_eq!(refusals(&stage.publish(EVE, "a")), []);
    assert_eq!(stage.place("a"), (1001, 2), "it came back in a new epoch");
    assert_eq!(stage.sequencer.topics(), 3);
}

#[test]
fn what_waits_for_some_costs_nobody_room_for_topics() {
    let mut stage = waiting(SequencerConfig { topics_max: 2, ..SequencerConfig::default() });
    let told = stage.publish(EVE, "c");
    assert_eq!((refusals(&told), forgotten(&told)), (vec![], 1));
    assert_eq!(stage.place("b"), (1000, 2));
    assert_eq!(refusals(&stage.publish(EVE, "d")), [ErrorCode::TooManyTopics], "both are in use");
    assert_eq!(stage.sequencer.statistics().topics_displaced, 1);
    stage.now.monotonic += 2 * FORGET_AFTER;
    stage.carry_out(b"", Command::Close { session: ANN, name: "ann".into() });
    assert_eq!(refusals(&stage.publish(EVE, "d")), [], "and those that nobody uses any more");
}

#[test]
fn at_its_own_limit_a_session_is_refused_before_patterns_are_looked_at() {
    let allows = |filter: &str| crate::Pattern {
        filter: filter.to_owned(),
        topics_max: Some(1),
        ..Default::default()
    };
    let policies = crate::Policies::new(vec![allows(">")]);
    let config =
        SequencerConfig { policies, topics_per_session_max: 1, ..SequencerConfig::default() };
    let mut topics = Topics::new(config, 1);
    assert!(topics.accept("a", ANN, Duration::ZERO).is_ok());
    let refused = |topics: &mut Topics, session| {
        topics.accept("b", session, Duration::ZERO).expect_err("there is a limit")
    };
    assert!(matches!(refused(&mut topics, ANN), topics::TopicsFull::Session { .. }));
    assert!(matches!(refused(&mut topics, BOB), topics::TopicsFull::Pattern { .. }));
}

#[test]
fn the_last_topic_is_made_and_the_next_is_refused_while_known_ones_go_on() {
    let mut stage = Stage::new(SequencerConfig { topics_max: 2, ..SequencerConfig::default() });
    assert_eq!(refusals(&stage.publish(ANN, "a")), []);
    assert_eq!(refusals(&stage.publish(ANN, "b")), []);
    assert_eq!(refusals(&stage.publish(ANN, "c")), [ErrorCode::TooManyTopics]);
    assert_eq!(refusals(&stage.publish(ANN, "a")), []);
}

#[test]
fn one_session_makes_no_more_topics_than_it_may_and_hinders_nobody_else() {
    let config = SequencerConfig { topics_per_session_max: 1, ..SequencerConfig::default() };
    let mut stage = Stage::new(config);
    assert_eq!(refusals(&stage.publish(ANN, "a")), []);
    assert_eq!(refusals(&stage.publish(ANN, "b")), [ErrorCode::TooManyTopics]);
    assert_eq!(refusals(&stage.publish(BOB, "b")), []);
    assert_eq!(refusals(&stage.publish(ANN, "b")), [], "made by another");
}

#[test]
fn a_session_that_is_gone_makes_room_and_one_that_lives_does_not() {
    let config =
        SequencerConfig { topics_max: 3, topics_per_session_max: 2, ..SequencerConfig::default() };
    let mut stage = Stage::new(config);
    stage.subscribe(messages(BOB, ">"));
    for topic in ["a", "b"] {
        assert_eq!(refusals(&stage.publish(ANN, topic)), []);
    }
    assert_eq!(refusals(&stage.publish(BOB, "c")), []);
    assert_eq!(refusals(&stage.publish(EVE, "d")), [ErrorCode::TooManyTopics]);
    stage.carry_out(b"", Command::Close { session: ANN, name: "ann".into() });
    let told = stage.publish(EVE, "d");
    assert_eq!(forgotten(&told), 1);
    assert_eq!(stage.place("b"), (1000, 2), "only as many make room as must");
    assert_eq!(refusals(&stage.publish(EVE, "a")), [ErrorCode::TooManyTopics], "`b` is in use");
    assert_eq!(stage.sequencer.topics(), 3);
}

#[test]
fn a_session_that_comes_again_and_again_leaves_nothing_behind_but_topics_that_are_known() {
    let config = SequencerConfig { topics_max: 10, ..SequencerConfig::default() };
    let mut stage = Stage::new(config);
    for slot in 0..100 {
        let session = session(0, slot);
        for number in 0..5 {
            assert_eq!(refusals(&stage.publish(session, &format!("{slot}-{number}"))), []);
        }
        stage.carry_out(b"", Command::Close { session, name: "ann".into() });
    }
    assert_eq!(stage.sequencer.topics(), 10);
    stage.now.monotonic += SequencerConfig::default().forget_after;
    stage.carry_out(b"", Command::Close { session: ANN, name: "ann".into() });
    assert_eq!(stage.sequencer.topics(), 0);
    assert!(stage.sequencer.topics.keeps_nothing());
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
