//! Clients whose link is cut, and that come back: nothing is missing, nothing doubled, and what was
//! lost is told exactly.

use std::collections::BTreeMap;
use std::time::Duration;

use broker_core::{Absence, Config, SequencerConfig};
use broker_protocol::frame::{
    Body, BrokerFrame, ClientFrame, Connect, Consumed, Content, Disconnect, Gap, GapReason, Keep,
    LaneOptions, LanePosition, Move, Outcome, Ping, Publish, Reply, Resume, Serve, Subscribe,
    Unsubscribe,
};
use broker_protocol::{Codec, ErrorCode};

use crate::stage::{Stage, in_group, in_lane, request, send};

/// A client that counts what it has, and what it was told to miss.
#[derive(Default)]
pub(crate) struct Client {
    pub(crate) slot: u32,
    session: String,
    secret: String,
    lane: u8,
    /// Its receive window, if it takes part in credit.
    receive_window: Option<u64>,
    /// The frames that it has of each lane.
    pub(crate) frames: BTreeMap<u8, u64>,
    /// The messages that it has, by topic.
    had: BTreeMap<String, Vec<u64>>,
    pub(crate) told: u64,
    pub(crate) answers: Vec<BrokerFrame<'static>>,
}

impl Client {
    /// One that takes part in credit.
    pub(crate) fn with_credit(receive_window: u64) -> Self {
        Self { receive_window: Some(receive_window), ..Self::default() }
    }

    fn resume(&self) -> Resume {
        let lanes = self.frames.iter();
        let lanes = lanes.map(|(lane, frames)| LanePosition { lane: *lane, frames: *frames });
        let (session, secret) = (self.session.clone(), self.secret.clone());
        Resume { session, secret, lanes: lanes.collect() }
    }

    /// Connects, or comes back.
    pub(crate) fn connect(&mut self, stage: &mut Stage, resume: Option<Resume>) -> bool {
        let receive_window = self.receive_window;
        let mut connect = Connect { version: 1, resume, receive_window, ..Connect::default() };
        connect.client.name = Some("client".to_owned());
        let resumes = connect.resume.is_some();
        self.slot = stage.connect(connect);
        self.lane = 0;
        if !resumes {
            self.frames.clear();
        }
        self.take(stage, usize::MAX)
    }

    /// Takes so many of the frames that arrived; the others are lost with the link. Returns whether
    /// it was told that its session goes on.
    pub(crate) fn take(&mut self, stage: &mut Stage, most: usize) -> bool {
        let mut resumed = false;
        for frame in stage.frames(self.slot).into_iter().take(most) {
            match &frame {
                BrokerFrame::Connected(connected) => {
                    resumed = connected.resumed;
                    self.session.clone_from(&connected.session);
                    self.secret.clone_from(&connected.secret);
                    let positions = connected.lanes.iter().map(|one| (one.lane, one.frames));
                    self.frames = positions.collect();
                }
                BrokerFrame::Lane(lane) => self.lane = lane.lane,
                BrokerFrame::Message(message) => {
                    self.had.entry(message.topic.to_string()).or_default().push(message.seq);
                }
                BrokerFrame::Gap(gap) => self.told += gap.count,
                _ => {}
            }
            let data = match &frame {
                BrokerFrame::Accepted(accepted) => accepted.subscription.is_some(),
                frame => matches!(
                    frame,
                    BrokerFrame::Message(_)
                        | BrokerFrame::Gap(_)
                        | BrokerFrame::Moved(_)
                        | BrokerFrame::Request(_)
                        | BrokerFrame::Presence(_)
                ),
            };
            if data {
                *self.frames.entry(self.lane).or_default() += 1;
            }
            self.answers.push(frame);
        }
        resumed
    }

    pub(crate) fn gaps(&self) -> Vec<&Gap> {
        let gaps = self.answers.iter().filter_map(|frame| match frame {
            BrokerFrame::Gap(gap) => Some(gap),
            _ => None,
        });
        gaps.collect()
    }

    pub(crate) fn seqs(&self, topic: &str) -> Vec<u64> {
        self.had.get(topic).cloned().unwrap_or_default()
    }

    pub(crate) fn accepted(&self, id: u64) -> usize {
        let accepts =
            |frame: &&BrokerFrame<'_>| matches!(frame, BrokerFrame::Accepted(a) if a.id == id);
        self.answers.iter().filter(accepts).count()
    }
}

fn stage() -> Stage {
    stage_with(Absence::default())
}

pub(crate) fn stage_with(absence: Absence) -> Stage {
    let config = Config { absence, ..Config::default() };
    Stage::with_absence(config, SequencerConfig::default(), Codec::Bincode)
}

pub(crate) fn keep(keep: Keep) -> LaneOptions {
    LaneOptions { keep: Some(keep), ..LaneOptions::default() }
}

/// A subscriber of `a` in lane 1, and a publisher.
pub(crate) fn pair(stage: &mut Stage, options: LaneOptions) -> (Client, u32) {
    let publisher = stage.enter("publisher");
    let mut client = Client::default();
    client.connect(stage, None);
    stage.say(client.slot, &in_lane("a.>", 1, options));
    client.take(stage, usize::MAX);
    (client, publisher)
}

pub(crate) fn come_back(client: &mut Client, stage: &mut Stage) -> bool {
    let resume = client.resume();
    client.connect(stage, Some(resume))
}

#[test]
fn what_did_not_arrive_is_sent_again_and_what_did_is_not() {
    let mut stage = stage();
    let (mut client, publisher) = pair(&mut stage, LaneOptions::default());
    (0..10).for_each(|_| stage.publish(publisher, "a.x", b"x"));
    client.take(&mut stage, 4);
    stage.lose(client.slot);
    (0..5).for_each(|_| stage.publish(publisher, "a.x", b"x"));
    assert!(come_back(&mut client, &mut stage));
    assert_eq!(client.seqs("a.x"), (1..=15).collect::<Vec<_>>());
    assert_eq!(client.told, 0);
}

#[test]
fn a_move_whose_answer_was_lost_is_repeated_and_carried_out_once() {
    let mut stage = stage();
    let (mut client, publisher) = pair(&mut stage, LaneOptions::default());
    stage.publish(publisher, "a.x", b"x");
    client.take(&mut stage, usize::MAX);
    let moving = Move { id: 50, subscription: 1, lane: 2, options: None };
    stage.say(client.slot, &ClientFrame::Move(moving.clone()));
    stage.publish(publisher, "a.x", b"x");
    client.take(&mut stage, 0);
    stage.lose(client.slot);
    stage.publish(publisher, "a.x", b"x");
    assert!(come_back(&mut client, &mut stage));
    stage.say(client.slot, &ClientFrame::Move(moving));
    stage.publish(publisher, "a.x", b"x");
    client.take(&mut stage, usize::MAX);
    assert_eq!(client.seqs("a.x"), [1, 2, 3, 4]);
    assert_eq!(client.accepted(50), 1);
    let moved = |frame: &&BrokerFrame<'_>| matches!(frame, BrokerFrame::Moved(_));
    assert_eq!(client.answers.iter().filter(moved).count(), 1);
}

#[test]
fn datagrams_are_no_frames_of_their_lane_and_are_not_sent_again() {
    let mut stage = stage();
    stage.separate_lanes = true;
    stage.datagram_bytes_max = std::num::NonZeroU16::new(1000);
    let options = LaneOptions { unreliable: Some(true), ..keep(Keep::Latest(1)) };
    let (mut client, publisher) = pair(&mut stage, options);
    client.lane = 1;
    for bytes in [10, 2000, 10] {
        stage.publish(publisher, "a.x", &vec![7; bytes]);
    }
    assert_eq!(stage.datagrams(client.slot).len(), 2);
    client.take(&mut stage, 0);
    stage.lose(client.slot);
    // Lane 1 has sent its answer and the one that was too large: the latter got lost.
    let mut resume = client.resume();
    resume.lanes = vec![LanePosition { lane: 1, frames: 1 }];
    assert!(client.connect(&mut stage, Some(resume)));
    assert_eq!(client.frames[&1], 1, "it goes on behind the answer");
    assert_eq!(client.seqs("a.x"), [2]);
    assert!(stage.datagrams(client.slot).is_empty());
}

#[test]
fn lanes_go_on_conflating_while_their_client_is_away() {
    let mut stage = stage();
    let (mut client, publisher) = pair(&mut stage, keep(Keep::Latest(1)));
    (0..6).for_each(|_| stage.publish(publisher, "a.x", b"x"));
    client.take(&mut stage, 2);
    stage.lose(client.slot);
    (0..100).for_each(|_| stage.publish(publisher, "a.x", b"x"));
    assert!(come_back(&mut client, &mut stage));
    let seqs = client.seqs("a.x");
    assert_eq!((seqs.last(), seqs.len() as u64 + client.told), (Some(&106), 106));
    assert!(client.gaps().iter().all(|gap| gap.reason == GapReason::Conflated));
    assert_eq!(seqs.len(), 3, "what was on its way when the link broke is conflated too");
}

#[test]
fn at_its_bound_a_lane_drops_while_its_client_is_away_and_does_not_end_it_on_its_return() {
    let mut stage = stage();
    let options = LaneOptions { bound_messages: Some(10), ..LaneOptions::default() };
    let (mut client, publisher) = pair(&mut stage, options);
    stage.lose(client.slot);
    (0..25).for_each(|_| stage.publish(publisher, "a.x", &[0; 10_000]));
    let resume = client.resume();
    let mut connect = Connect { version: 1, resume: Some(resume), ..Connect::default() };
    connect.client.name = Some("client".to_owned());
    client.slot = stage.connect_with_room(connect, 1);
    // Its link takes little at first: it is no slow consumer for that.
    (0..25).for_each(|_| stage.publish(publisher, "a.x", &[0; 10_000]));
    assert_eq!(stage.ended(client.slot), None);
    stage.set_room(client.slot, usize::MAX);
    stage.turn();
    client.take(&mut stage, usize::MAX);
    let seqs = client.seqs("a.x");
    assert_eq!(seqs.len() as u64 + client.told, 50, "{:?}", client.answers);
    assert!(client.gaps().iter().all(|gap| gap.reason == GapReason::Dropped));
    assert_eq!(*seqs.last().unwrap(), 50);
}

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
fn what_is_no_longer_kept_is_told_exactly() {
    let mut stage = stage_with(Absence { resume_window: 1_000, ..Absence::default() });
    let (mut client, publisher) = pair(&mut stage, LaneOptions::default());
    (0..100).for_each(|_| stage.publish(publisher, "a.x", &[0; 100]));
    client.take(&mut stage, 30);
    stage.lose(client.slot);
    assert!(come_back(&mut client, &mut stage));
    let [gap] = client.gaps()[..] else { panic!("one gap") };
    assert_eq!((gap.topic.as_deref(), gap.reason), (None, GapReason::Dropped));
    let seqs = client.seqs("a.x");
    assert_eq!(seqs.len() as u64 + client.told, 100);
    assert_eq!(seqs.last(), Some(&100));
    let statistics = stage.shard.statistics();
    assert_eq!(statistics.sessions_resumed, 1);
}

#[test]
fn what_a_client_consumed_is_let_go_and_a_claim_of_more_ends_it() {
    let mut stage = stage();
    let (mut client, publisher) = pair(&mut stage, LaneOptions::default());
    (0..100).for_each(|_| stage.publish(publisher, "a.x", &[0; 100]));
    client.take(&mut stage, usize::MAX);
    let consumed = |frames| ClientFrame::Consumed(Consumed { lane: 1, frames, bytes: 0 });
    stage.say(client.slot, &consumed(client.frames[&1]));
    (0..2).for_each(|_| stage.pass(Duration::from_secs(1)));
    assert_eq!(stage.shard.log_bytes(), 0);
    stage.say(client.slot, &consumed(client.frames[&1] + 1));
    assert_eq!(stage.ended(client.slot), Some(ErrorCode::InvalidField));
}

#[test]
fn who_consumed_of_a_lane_that_is_not_open_is_ended() {
    let mut stage = stage();
    let (client, _) = pair(&mut stage, LaneOptions::default());
    let consumed = Consumed { lane: 9, frames: 1, bytes: 0 };
    stage.say(client.slot, &ClientFrame::Consumed(consumed));
    assert_eq!(stage.ended(client.slot), Some(ErrorCode::InvalidField));
}

#[test]
fn the_answer_to_a_ping_says_that_what_was_sent_in_front_of_it_arrived() {
    let mut stage = stage();
    let (mut client, publisher) = pair(&mut stage, LaneOptions::default());
    stage.publish(publisher, "a.x", &[0; 100]);
    client.take(&mut stage, usize::MAX);
    stage.pass(Duration::from_secs(16));
    assert!(stage.shard.log_bytes() > 0);
    let pinged = |frame: &BrokerFrame<'_>| *frame == BrokerFrame::Ping(Ping { mark: None });
    assert!(stage.frames(client.slot).iter().any(pinged));
    stage.say(client.slot, &ClientFrame::Pong(Default::default()));
    (0..2).for_each(|_| stage.pass(Duration::from_secs(1)));
    assert_eq!(stage.shard.log_bytes(), 0);
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

#[test]
fn a_repeated_publish_is_acknowledged_again_and_published_once() {
    let mut stage = stage();
    let (mut client, _) = pair(&mut stage, LaneOptions::default());
    let publish =
        |id| ClientFrame::Publish(Publish { id: Some(id), ..Publish::bytes("a.x", b"x") });
    stage.say(client.slot, &publish(5));
    stage.lose(client.slot);
    client.answers.clear();
    assert!(come_back(&mut client, &mut stage));
    stage.say(client.slot, &publish(5));
    stage.say(client.slot, &publish(6));
    client.take(&mut stage, usize::MAX);
    assert_eq!((client.accepted(5), client.accepted(6)), (1, 1));
    assert_eq!(client.seqs("a.x"), [1, 2]);
    // From then on ids grow as ever.
    stage.say(client.slot, &publish(6));
    client.take(&mut stage, usize::MAX);
    assert!(matches!(client.answers.last(), Some(BrokerFrame::Rejected(_))));
}

#[test]
fn an_answer_that_comes_over_the_new_link_is_not_given_again() {
    let mut stage = stage();
    let (mut client, _) = pair(&mut stage, LaneOptions::default());
    let publish = ClientFrame::Publish(Publish { id: Some(5), ..Publish::bytes("a.x", b"x") });
    // Both are read and not answered when the client comes back.
    stage.write(client.slot, &publish);
    stage.write(client.slot, &request(6, "nobody"));
    assert!(come_back(&mut client, &mut stage));
    stage.say(client.slot, &publish);
    stage.say(client.slot, &request(6, "nobody"));
    client.take(&mut stage, usize::MAX);
    assert_eq!((client.accepted(5), client.seqs("a.x")), (1, vec![1]));
    let refused = |frame: &&BrokerFrame<'_>| matches!(frame, BrokerFrame::Rejected(_));
    assert_eq!(client.answers.iter().filter(refused).count(), 1);
}

#[test]
fn a_repeated_command_is_carried_out_once_and_answered_once() {
    let mut stage = stage();
    let (mut client, publisher) = pair(&mut stage, LaneOptions::default());
    client.answers.clear();
    let subscribe = |id| {
        let filter = "b".to_owned();
        ClientFrame::Subscribe(Subscribe { id, filter, ..Subscribe::default() })
    };
    let unsubscribe = ClientFrame::Unsubscribe(Unsubscribe { id: 8, subscription: 1 });
    let refused = ClientFrame::Unsubscribe(Unsubscribe { id: 9, subscription: 77 });
    for frame in [&subscribe(7), &unsubscribe, &refused] {
        stage.say(client.slot, frame);
    }
    stage.lose(client.slot);
    assert!(come_back(&mut client, &mut stage));
    for frame in [&subscribe(7), &unsubscribe, &refused] {
        stage.say(client.slot, frame);
    }
    client.take(&mut stage, usize::MAX);
    assert_eq!((client.accepted(7), client.accepted(8)), (1, 1));
    let rejected = |frame: &&BrokerFrame<'_>| matches!(frame, BrokerFrame::Rejected(_));
    assert_eq!(client.answers.iter().filter(rejected).count(), 1);
    stage.publish(publisher, "b", b"x");
    client.take(&mut stage, usize::MAX);
    assert_eq!(client.seqs("b"), [1]);
}

#[test]
fn a_reply_that_was_lost_with_the_link_is_given_again() {
    let mut stage = stage();
    let (mut client, _) = pair(&mut stage, LaneOptions::default());
    stage.say(client.slot, &request(3, "nobody.serves"));
    stage.lose(client.slot);
    assert!(come_back(&mut client, &mut stage));
    stage.say(client.slot, &request(3, "nobody.serves"));
    client.take(&mut stage, usize::MAX);
    let answers = client.answers.iter();
    let codes = answers.filter_map(|frame| match frame {
        BrokerFrame::Rejected(rejected) => Some((rejected.id, rejected.code)),
        _ => None,
    });
    assert_eq!(codes.collect::<Vec<_>>(), [(3, ErrorCode::NobodyAnswers)]);
}

#[test]
fn a_request_that_is_answered_before_it_is_repeated_is_asked_once() {
    let mut stage = stage();
    let (mut client, _) = pair(&mut stage, LaneOptions::default());
    let provider = stage.enter("provider");
    let serve = Serve { id: 1, filter: "svc".to_owned(), lane: None };
    stage.say(provider, &ClientFrame::Serve(serve));
    stage.say(client.slot, &request(3, "svc"));
    let asked = |stage: &mut Stage| {
        let frames = stage.frames(provider).into_iter();
        let tokens = frames.filter_map(|frame| match frame {
            BrokerFrame::Request(request) => Some(request.token),
            _ => None,
        });
        tokens.collect::<Vec<_>>()
    };
    let tokens = asked(&mut stage);
    stage.lose(client.slot);
    assert!(come_back(&mut client, &mut stage));
    // The client has said already what it repeats, and the answer is faster.
    let outcome = Outcome::Answer(Body::default());
    stage.say(provider, &ClientFrame::Reply(Reply { to: tokens[0].clone(), outcome }));
    stage.say(client.slot, &request(3, "svc"));
    client.take(&mut stage, usize::MAX);
    assert_eq!((tokens.len(), asked(&mut stage)), (1, vec![]));
    let replies = client.answers.iter().filter(|frame| matches!(frame, BrokerFrame::Reply(_)));
    assert_eq!(replies.count(), 1);
}

#[test]
fn a_message_to_a_client_that_is_away_waits_for_it() {
    let mut stage = stage();
    let (mut client, publisher) = pair(&mut stage, LaneOptions::default());
    stage.lose(client.slot);
    stage.say(publisher, &send(1, "client", b"x"));
    assert!(come_back(&mut client, &mut stage));
    assert_eq!(client.seqs("$to.client"), [1]);
}

#[test]
fn unwritten_work_of_a_group_goes_to_another_member_and_written_work_to_nobody_else() {
    let mut stage = stage();
    let publisher = stage.enter("publisher");
    let mut away = Client::default();
    away.connect(&mut stage, None);
    stage.say(away.slot, &in_group("work", "team"));
    away.take(&mut stage, usize::MAX);
    stage.publish(publisher, "work", b"1");
    away.take(&mut stage, 0);
    stage.set_room(away.slot, 0);
    stage.publish(publisher, "work", b"2");
    let mut other = Client::default();
    other.connect(&mut stage, None);
    stage.say(other.slot, &in_group("work", "team"));
    stage.lose(away.slot);
    stage.publish(publisher, "work", b"3");
    other.take(&mut stage, usize::MAX);
    assert_eq!(other.seqs("work"), [2, 3]);
    away.slot = u32::MAX;
    assert!(come_back(&mut away, &mut stage));
    assert_eq!(away.seqs("work"), [1]);
}

#[test]
fn work_of_a_group_waits_for_its_only_member() {
    let mut stage = stage();
    let publisher = stage.enter("publisher");
    let mut only = Client::default();
    only.connect(&mut stage, None);
    stage.say(only.slot, &in_group("work", "team"));
    only.take(&mut stage, usize::MAX);
    stage.lose(only.slot);
    (0..3).for_each(|_| stage.publish(publisher, "work", b"x"));
    assert!(come_back(&mut only, &mut stage));
    assert_eq!(only.seqs("work"), [1, 2, 3]);
}

/// Whatever happens in whatever order: what a client has, and what it was told to miss, is what was
/// published; per key nothing steps back or comes twice.
#[test]
fn books_balance_over_any_number_of_cuts() {
    for seed in 0..300 {
        let mut random = Random(seed);
        let keep = [Keep::All, Keep::Latest(1), Keep::Latest(3)][random.below(3)];
        let window = [300, 2_000, 64 << 10][random.below(3)];
        let mut stage = stage_with(Absence { resume_window: window, ..Absence::default() });
        let options = LaneOptions {
            keep: Some(keep),
            overflow: Some(broker_protocol::frame::Overflow::DropOldest),
            bound_messages: Some(12 + random.below(20) as u32),
            ..LaneOptions::default()
        };
        let (mut client, publisher) = pair(&mut stage, options);
        let topics = ["a.x", "a.y", "a.z"];
        let mut published = BTreeMap::<&str, u64>::new();
        let (mut back, mut resumes) = (true, 0);
        for _ in 0..60 {
            match random.below(6) {
                0..=2 => {
                    for _ in 0..random.below(8) {
                        let topic = topics[random.below(3)];
                        stage.publish(publisher, topic, &[0; 40]);
                        *published.entry(topic).or_default() += 1;
                    }
                }
                3 if back => {
                    stage.set_room(client.slot, random.below(3));
                    stage.turn();
                }
                4 if back => {
                    client.take(&mut stage, usize::MAX);
                    if random.below(2) == 0 {
                        let frames = client.frames.get(&1).copied().unwrap_or_default();
                        let bytes = 0;
                        let consumed = Consumed { lane: 1, frames, bytes };
                        stage.say(client.slot, &ClientFrame::Consumed(consumed));
                    }
                }
                _ if back => {
                    client.take(&mut stage, random.below(30));
                    stage.lose(client.slot);
                    back = false;
                }
                _ => {
                    if come_back(&mut client, &mut stage) {
                        resumes += 1;
                    } else {
                        break;
                    }
                    back = true;
                }
            }
        }
        if !back && !come_back(&mut client, &mut stage) {
            continue;
        }
        stage.set_room(client.slot, usize::MAX);
        stage.turn();
        client.take(&mut stage, usize::MAX);
        let had: u64 = topics.iter().map(|topic| client.seqs(topic).len() as u64).sum();
        let all: u64 = published.values().sum();
        assert_eq!(had + client.told, all, "seed {seed}, {resumes} resumes, {keep:?}");
        for topic in topics {
            let seqs = client.seqs(topic);
            assert!(seqs.is_sorted_by(|a, b| a < b), "seed {seed}: {topic} {seqs:?}");
            let last = published.get(topic).copied();
            if keep != Keep::All && window == 64 << 10 {
                assert_eq!(seqs.last().copied(), last, "seed {seed}: {topic}");
            }
        }
    }
}

/// Numbers that follow from a seed (xorshift64*, Marsaglia 2003 and Vigna 2016).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        let mut x = self.0 ^ 0x9E37_79B9_7F4A_7C15;
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        self.0 = x;
        (x.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % bound
    }
}

#[test]
fn patches_that_did_not_arrive_are_merged_with_what_came_meanwhile() {
    let mut stage = stage();
    let (mut client, publisher) = pair(&mut stage, keep(Keep::Merge));
    let patch = |stage: &mut Stage, payload: &[u8]| {
        let mut publish = Publish::bytes("a.x", payload);
        publish.body.content = Content::Json;
        stage.say(publisher, &ClientFrame::Publish(publish));
    };
    patch(&mut stage, br#"{"one":1}"#);
    client.take(&mut stage, usize::MAX);
    patch(&mut stage, br#"{"two":2}"#);
    // It is under way when the link is cut.
    stage.frames(client.slot);
    stage.lose(client.slot);
    patch(&mut stage, br#"{"three":3}"#);
    assert!(come_back(&mut client, &mut stage));
    assert_eq!(client.seqs("a.x"), [1, 3]);
    assert_eq!((client.told, client.gaps()[0].reason), (1, GapReason::Merged));
    let payload = client.answers.iter().rev().find_map(|frame| match frame {
        BrokerFrame::Message(message) => Some(message.body.payload.to_vec()),
        _ => None,
    });
    assert_eq!(payload.as_deref(), Some(&br#"{"two":2,"three":3}"#[..]));
}

#[test]
fn what_was_held_for_an_interval_comes_when_its_client_is_back() {
    let mut stage = stage();
    let options = LaneOptions { min_interval: Some(100), ..keep(Keep::Latest(1)) };
    let (mut client, publisher) = pair(&mut stage, options);
    stage.publish(publisher, "a.x", b"x");
    client.take(&mut stage, usize::MAX);
    stage.publish(publisher, "a.x", b"x");
    stage.lose(client.slot);
    stage.publish(publisher, "a.y", b"x");
    stage.publish(publisher, "a.x", b"x");
    assert!(come_back(&mut client, &mut stage));
    assert_eq!((client.seqs("a.x"), client.seqs("a.y"), client.told), (vec![1, 3], vec![1], 1));
    stage.publish(publisher, "a.x", b"x");
    client.take(&mut stage, usize::MAX);
    assert_eq!(client.seqs("a.x"), [1, 3], "the interval begins anew");
    stage.pass(Duration::from_millis(100));
    client.take(&mut stage, usize::MAX);
    assert_eq!(client.seqs("a.x"), [1, 3, 4]);
}

#[test]
fn what_expired_while_its_client_was_away_is_told() {
    let mut stage = stage();
    let (mut client, publisher) = pair(&mut stage, LaneOptions::default());
    let expiring = Publish { expires_in: Some(100), ..Publish::bytes("a.x", b"x") };
    stage.say(publisher, &ClientFrame::Publish(expiring.clone()));
    // It is under way when the link is cut.
    stage.frames(client.slot);
    stage.lose(client.slot);
    stage.say(publisher, &ClientFrame::Publish(expiring));
    stage.publish(publisher, "a.x", b"x");
    stage.pass(Duration::from_millis(100));
    assert!(come_back(&mut client, &mut stage));
    let told: Vec<_> = client.gaps().iter().map(|gap| (gap.count, gap.reason)).collect();
    assert_eq!((client.seqs("a.x"), told), (vec![3], vec![(2, GapReason::Expired)]));
}
