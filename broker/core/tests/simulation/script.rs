//! What clients say: anything that is allowed, at any time.

mod callbacks;
mod patches;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::Duration;

use broker_protocol::Codec;
use broker_protocol::frame::{
    Body, Cancel, ClientFrame, Connect, Consumed, Content, Disconnect, Keep, LaneOptions,
    LanePosition, Move, Outcome, Overflow, Pong, Publish, Replay, Reply, Request, RequestError,
    Resume, Send, Serve, Subscribe, Unsubscribe, Update,
};
use bytes::BytesMut;

use crate::judge::{
    Call, Kind, OF_CALLS, Pending, Purpose, Stand, Sub, Values, Wish, patch_in, said,
};
use crate::plan::{FILTERS, GROUPS, KEYS, NAMES, SERVED, SERVICES, TOPICS};
use crate::world::World;

/// The most standing wishes that a client has.
const SUBS_MAX: usize = 10;

/// The lanes in which clients subscribe, as often as they stand here; the last ones conflate.
const LANES: [u8; 14] =
    [0, 1, 2, 3, CONFLATING, CONFLATING, 5, 5, RESYNCING, FICKLE, PACED, PACED, MERGING, MERGING];
const CONFLATING: u8 = 4;

/// The lane that is sent what is retained when it is behind too far.
const RESYNCING: u8 = 6;

/// The lane that delivers each key at most once in an interval, and the one that merges.
const PACED: u8 = 9;
const MERGING: u8 = 10;

/// Minimum intervals, in milliseconds.
const INTERVALS: [u64; 3] = [5, 50, 300];

/// The lane whose rule changes.
const FICKLE: u8 = 7;

/// The lane of queue groups: whatever is dropped there while their client is away isn't for all.
pub(crate) const OF_GROUPS: u8 = 8;

/// What happens at the bound of those: the default is to drop.
const CONFLATING_OVERFLOWS: [Option<Overflow>; 5] =
    [None, None, None, Some(Overflow::DropOldest), Some(Overflow::Disconnect)];

impl World {
    fn say(&mut self, client: usize, frame: &ClientFrame<'_>) {
        self.judge.note(client, || said(frame));
        self.clients[client].say(frame, &mut self.random);
    }

    /// Says a command that is repeated until it is answered.
    fn command(&mut self, client: usize, id: u64, frame: &ClientFrame<'_>) {
        let mut encoded = BytesMut::new();
        Codec::Bincode.write_client(frame, &mut encoded);
        self.clients[client].commands.insert(id, encoded.to_vec());
        self.say(client, frame);
    }

    fn say_maybe_again(&mut self, client: usize, id: Option<u64>, frame: &ClientFrame<'_>) {
        match id {
            Some(id) => self.command(client, id, frame),
            None => self.say(client, frame),
        }
    }

    /// Says again what has no answer: the last link may have lost that, or the command.
    pub(crate) fn repeat_commands(&mut self, client: usize) {
        let pending = &self.judge.views[client].pending;
        self.clients[client].commands.retain(|id, _| pending.contains_key(id));
        for encoded in self.clients[client].commands.clone().into_values() {
            let cut = Codec::Bincode.cut(&encoded, usize::MAX).ok().flatten();
            let read = cut.and_then(|cut| Codec::Bincode.read_client(cut.frame).ok().flatten());
            let read = read.expect("it was written here");
            self.say(client, &read);
            if let ClientFrame::Publish(publish) = read
                && self.tamper.publishes_again(client)
            {
                self.say(client, &ClientFrame::Publish(Publish { id: None, ..publish }));
            }
        }
    }

    fn next_id(&mut self, client: usize) -> u64 {
        let id = &mut self.clients[client].next_id;
        *id += 1;
        *id
    }

    pub(crate) fn say_connect(&mut self, client: usize) {
        let mut connect = Connect { version: 1, ..Connect::default() };
        connect.client.name = Some(self.clients[client].name.clone());
        if self.clients[client].resuming {
            connect.resume = self.resume_of(client);
        }
        self.say(client, &ClientFrame::Connect(connect));
    }

    fn resume_of(&self, client: usize) -> Option<Resume> {
        let (session, secret) = self.clients[client].session.clone()?;
        let frames = self.judge.views[client].frames.iter();
        let lanes = frames.map(|(lane, frames)| LanePosition { lane: *lane, frames: *frames });
        Some(Resume { session, secret, lanes: lanes.collect() })
    }

    /// A client says what of a lane it has: all, or some.
    pub(crate) fn consume(&mut self, client: usize, all: bool) {
        for (lane, frames) in self.judge.views[client].frames.clone() {
            let frames = if all { frames } else { self.random.below(frames as usize + 1) as u64 };
            self.say(client, &ClientFrame::Consumed(Consumed { lane, frames, bytes: 0 }));
        }
    }

    /// A client says a few things.
    pub(crate) fn act(&mut self, client: usize) {
        self.answer(client);
        if self.judge.views[client].is_live() && !self.clients[client].is_auditor {
            if self.plan.calls && self.random.percent(50) {
                return self.act_on_callbacks(client);
            }
            match self.random.below(100) {
                0..60 => self.publish_some(client),
                60..70 => self.subscribe(client),
                70..73 => self.go_on_elsewhere(client),
                73..78 => self.unsubscribe(client),
                78..86 => self.send(client),
                86..90 => self.serve(client),
                90..93 => self.ask(client),
                93 => self.consume(client, false),
                94..96 => self.update(client),
                96..98 => self.go_on_elsewhere(client),
                _ => self.cancel(client),
            }
        }
    }

    fn body(&mut self, number: usize) -> Body<'static> {
        let room = self.plan.payload_max;
        let padding = if self.random.percent(50) { 0 } else { self.random.below(room) };
        let payload = format!("{number}.{}", "x".repeat(padding)).into_bytes();
        let content = *self.random.pick(&[Content::Bytes, Content::Text]);
        Body { content, payload: Cow::Owned(payload), ..Body::default() }
    }

    fn publish_some(&mut self, client: usize) {
        for _ in 0..self.random.between(1, 12).min(self.cut.at_once) {
            let most = if self.random.percent(70) { self.plan.hot } else { TOPICS.len() };
            let topic = self.random.below(most);
            self.publish(client, topic);
        }
    }

    /// What a message is about: none, one of a handful, or what none stands for.
    fn key(&mut self, topic: usize) -> Option<&'static str> {
        match self.random.below(10) {
            0..4 => None,
            4 => Some(TOPICS[topic]),
            _ => Some(KEYS[self.random.below(self.plan.keys)]),
        }
    }

    fn publish(&mut self, client: usize, topic: usize) {
        let key = self.key(topic);
        let step = self.judge.step;
        let record = self.judge.truth.record(client, Kind::Publish(topic), key, step);
        let retain = self.random.percent(25);
        let clears = retain && self.random.percent(if topic == 0 { 3 } else { 15 });
        // Every other topic is of documents: nearly all is patches, and little goes by itself.
        let of_documents = topic.is_multiple_of(2);
        let (json, expiring) = if of_documents { (96, 2) } else { (30, 20) };
        let lasts = self.random.percent(expiring).then(|| self.random.between(1, 80) as u64);
        let id = self.random.percent(40).then(|| self.next_id(client));
        if let Some(id) = id {
            self.judge.views[client].pending.insert(id, Pending::Message(record));
            self.judge.truth.records[record].has_id = true;
        }
        let topic = Cow::Borrowed(TOPICS[topic]);
        let mut body = Body { key: key.map(Cow::Borrowed), ..self.body(record) };
        if self.random.percent(json) {
            (body.content, body.payload) = (Content::Json, Cow::Owned(self.patch(record)));
        }
        if clears {
            (body.content, body.payload) = (Content::Text, Cow::Owned(Vec::new()));
            body.headers = vec![(Cow::Borrowed("n"), Cow::Owned(record.to_string()))];
        }
        let expires_in = lasts.filter(|_| !clears);
        self.judge.truth.records[record].wish = Wish {
            retained: retain && !clears,
            clears,
            expires_in: expires_in.map(Duration::from_millis),
            said_at: self.judge.clock,
            patch: patch_in(&body.payload),
        };
        let publish = Publish { id, topic, body, retain, expires_in };
        self.say_maybe_again(client, id, &ClientFrame::Publish(publish));
    }

    fn send(&mut self, client: usize) {
        let to = *self.random.pick(&NAMES);
        let (kind, step) = (Kind::Send(to.to_owned()), self.judge.step);
        let record = self.judge.truth.record(client, kind, None, step);
        let id = self.random.percent(60).then(|| self.next_id(client));
        if let Some(id) = id {
            self.judge.views[client].pending.insert(id, Pending::Message(record));
            self.judge.truth.records[record].has_id = true;
        }
        let (body, expires_in) = (self.body(record), self.lasting(record, 70));
        let send = Send { id, to: Cow::Borrowed(to), body, expires_in, ..Send::default() };
        self.say_maybe_again(client, id, &ClientFrame::Send(send));
    }

    /// For how many milliseconds something that is sent is worth anything, if not for good.
    fn lasting(&mut self, record: usize, chance: usize) -> Option<u64> {
        let lasts = self.random.percent(chance).then(|| self.random.between(1, 40) as u64);
        let wish = &mut self.judge.truth.records[record].wish;
        (wish.expires_in, wish.said_at) = (lasts.map(Duration::from_millis), self.judge.clock);
        lasts
    }

    fn stand(&mut self, client: usize, filter: &str, purpose: Purpose) -> u64 {
        let id = self.next_id(client);
        let sub = Sub {
            filter: filter.to_owned(),
            purpose,
            lane: 0,
            stand: Stand::Begun,
            leaving: None,
            left: BTreeSet::new(),
            entered: true,
            ends: Default::default(),
            values: None,
            asked_at: self.judge.clock,
            snapshot: self.judge.truth.snapshot(),
            present: BTreeSet::new(),
        };
        self.judge.views[client].pending.insert(id, Pending::Stand(Box::new(sub)));
        id
    }

    pub(crate) fn subscribe_to(&mut self, client: usize, filter: &str) {
        let id = self.stand(client, filter, Purpose::Messages { presence: false });
        let subscribe = Subscribe { id, filter: filter.to_owned(), ..Subscribe::default() };
        self.command(client, id, &ClientFrame::Subscribe(subscribe));
    }

    fn has_room(&self, client: usize) -> bool {
        let view = &self.judge.views[client];
        view.subs.len() + view.pending.len() < SUBS_MAX
    }

    fn subscribe(&mut self, client: usize) {
        if !self.has_room(client) {
            return self.unsubscribe(client);
        }
        let filter = (*self.random.pick(&FILTERS)).to_owned();
        let group = self.random.percent(25).then(|| (*self.random.pick(&GROUPS)).to_owned());
        let presence = group.is_none() && self.random.percent(30);
        let purpose = match &group {
            Some(group) => Purpose::Group(group.clone()),
            None => Purpose::Messages { presence },
        };
        let lane = if group.is_some() { OF_GROUPS } else { *self.random.pick(&LANES) };
        let options = self.options(client, lane);
        let id = self.stand(client, &filter, purpose);
        let replays = group.is_none() && self.random.percent(30);
        let replay = if replays { Replay::Last } else { Replay::None };
        if let Some(Pending::Stand(sub)) = self.judge.views[client].pending.get_mut(&id) {
            sub.values = replays.then(Values::begun);
        }
        let lane = Some(lane);
        let subscribe = Subscribe { id, filter, lane, options, replay, group, presence };
        self.command(client, id, &ClientFrame::Subscribe(subscribe));
    }

    /// The options of a lane that isn't open yet. Members of groups are in a lane of their own, which
    /// drops nothing while its client is there; the lanes before it conflate.
    fn options(&mut self, client: usize, lane: u8) -> Option<LaneOptions> {
        if !self.clients[client].opened.insert(lane) {
            return None;
        }
        let overflow = match lane {
            2 | OF_GROUPS => Some(Overflow::Disconnect),
            RESYNCING => Some(Overflow::Resync),
            MERGING => Some(Overflow::DropOldest),
            CONFLATING.. => *self.random.pick(&CONFLATING_OVERFLOWS),
            _ => Some(Overflow::DropOldest),
        };
        let newest = self.random.between(1, 3) as u32;
        let messages = self.random.between(1, 20) as u32;
        let bytes = self.random.between(50, 2000) as u64;
        // Who keeps the newest needs no more room, and drops everything before it conflates.
        let keeps_all = lane == RESYNCING && self.random.percent(50);
        let conflates = (CONFLATING..=MERGING).contains(&lane) && lane != OF_GROUPS && !keeps_all;
        let keep = if lane == MERGING { Keep::Merge } else { Keep::Latest(newest) };
        let paced = lane == PACED || (lane == MERGING && self.random.percent(30));
        let min_interval = paced.then(|| *self.random.pick(&INTERVALS));
        let often = if conflates { 20 } else { 0 };
        let mut small =
            |chance: usize| !matches!(lane, 2 | OF_GROUPS) && self.random.percent(chance - often);
        let options = LaneOptions {
            keep: conflates.then_some(keep),
            min_interval,
            overflow,
            bound_messages: small(70).then_some(messages),
            bound_bytes: small(30).then_some(bytes),
            priority: matches!(lane, 3 | 5).then_some(self.random.below(8) as u8),
            ..LaneOptions::default()
        };
        let view = &mut self.judge.views[client];
        view.wished.insert(lane, options.clone());
        view.lanes.entry(lane).or_default().is_fickle = lane == FICKLE;
        Some(options)
    }

    /// A client changes its mind about a lane.
    fn update(&mut self, client: usize) {
        let opened = self.judge.views[client].lanes.iter();
        let open = opened.filter(|(lane, one)| **lane != 0 && one.granted.keep.is_some());
        let open: Vec<u8> = open.map(|(lane, _)| *lane).collect();
        let open: Vec<u8> = open
            .into_iter()
            .filter(|lane| !matches!(*lane, 2 | RESYNCING | OF_GROUPS | OF_CALLS..))
            .collect();
        if open.is_empty() {
            return;
        }
        let lane = *self.random.pick(&open);
        let keeps = [Keep::All, Keep::Latest(1), Keep::Latest(2)];
        let keep = (lane == FICKLE).then_some(*self.random.pick(&keeps));
        let overflows = [None, Some(Overflow::DropOldest), Some(Overflow::Disconnect)];
        let options = LaneOptions {
            keep,
            overflow: *self.random.pick(&overflows),
            bound_messages: self.random.percent(50).then_some(self.random.between(1, 40) as u32),
            bound_bytes: self.random.percent(30).then_some(self.random.between(50, 5000) as u64),
            priority: self.random.percent(30).then_some(self.random.below(8) as u8),
            ..LaneOptions::default()
        };
        let id = self.next_id(client);
        self.judge.updates(client, lane, &options);
        let waits = Pending::Update(lane, options.clone());
        self.judge.views[client].pending.insert(id, waits);
        self.command(client, id, &ClientFrame::Update(Update { id, lane, options }));
    }

    /// A subscription is to go on in another lane.
    fn go_on_elsewhere(&mut self, client: usize) {
        let movable = self.judge.views[client].subs.iter().filter(|(_, sub)| {
            sub.stand == Stand::Begun && sub.purpose == (Purpose::Messages { presence: false })
        });
        let movable: Vec<(u64, u8)> = movable.map(|(number, sub)| (*number, sub.lane)).collect();
        if movable.is_empty() {
            return;
        }
        let (subscription, left) = *self.random.pick(&movable);
        let lane = *self.random.pick(&LANES);
        let (is_there, options) = (lane == left, self.options(client, lane));
        if !is_there {
            self.judge.moves(client, subscription);
        }
        let id = self.next_id(client);
        let waits = Pending::Move { subscription, lane, is_there };
        self.judge.views[client].pending.insert(id, waits);
        self.command(client, id, &ClientFrame::Move(Move { id, subscription, lane, options }));
    }

    fn unsubscribe(&mut self, client: usize) {
        let subs = &self.judge.views[client].subs;
        let begun = subs
            .iter()
            .filter(|(_, sub)| sub.stand == Stand::Begun && sub.purpose != Purpose::Attached);
        let begun: Vec<u64> = begun.map(|(number, _)| *number).collect();
        if begun.is_empty() {
            return;
        }
        let subscription = *self.random.pick(&begun);
        let id = self.next_id(client);
        self.judge.leaves(client, subscription);
        self.judge.views[client].pending.insert(id, Pending::Unsubscribe(subscription));
        self.command(client, id, &ClientFrame::Unsubscribe(Unsubscribe { id, subscription }));
    }

    fn serve(&mut self, client: usize) {
        if !self.has_room(client) {
            return;
        }
        let filter = (*self.random.pick(&SERVED)).to_owned();
        let id = self.stand(client, &filter, Purpose::Requests);
        let opened: Vec<u8> = self.clients[client].opened.iter().copied().collect();
        let lane = Some(*self.random.pick(&opened));
        self.command(client, id, &ClientFrame::Serve(Serve { id, filter, lane }));
    }

    fn ask(&mut self, client: usize) {
        let topic = (*self.random.pick(&SERVICES)).to_owned();
        self.ask_on(client, topic);
    }

    fn ask_on(&mut self, client: usize, topic: String) {
        let call = self.judge.calls.len();
        let (providers, answered) = (0, false);
        self.judge.calls.push(Call { topic: topic.clone(), providers, answered });
        let id = self.next_id(client);
        self.judge.views[client].pending.insert(id, Pending::Request(call));
        let timeout = Some(self.random.between(10, 3000) as u64);
        let body = self.body(call);
        let request = Request { id, topic: Cow::Owned(topic), body, timeout };
        self.command(client, id, &ClientFrame::Request(request));
    }

    fn cancel(&mut self, client: usize) {
        let pending = self.judge.views[client].pending.iter();
        let asked = pending.filter(|(_, pending)| matches!(pending, Pending::Request(_)));
        let asked: Vec<u64> = asked.map(|(id, _)| *id).collect();
        if !asked.is_empty() {
            let id = *self.random.pick(&asked);
            self.say(client, &ClientFrame::Cancel(Cancel { id }));
        }
    }

    /// Answers pings, and most requests.
    pub(crate) fn answer(&mut self, client: usize) {
        for (mark, place) in std::mem::take(&mut self.judge.views[client].pongs_due) {
            self.say(client, &ClientFrame::Pong(Pong { mark, ..Pong::default() }));
            if mark.is_some() {
                self.clients[client].link.say(place);
            }
        }
        for (token, call) in std::mem::take(&mut self.judge.views[client].to_answer) {
            if self.random.percent(10) {
                continue;
            }
            let outcome = match self.random.percent(80) {
                true => Outcome::Answer(self.body(call)),
                false => {
                    let (code, message) = ("no".to_owned(), call.to_string());
                    Outcome::Failure(RequestError { code, message })
                }
            };
            self.judge.calls[call].answered = true;
            let reply = Reply { to: Cow::Owned(token), outcome };
            self.say(client, &ClientFrame::Reply(reply));
        }
    }

    pub(crate) fn say_goodbye(&mut self, client: usize, keep_session: bool) {
        self.clients[client].says_goodbye = true;
        self.clients[client].keeps = keep_session;
        self.judge.views[client].leaves = true;
        let goodbye = Disconnect { keep_session, ..Disconnect::default() };
        self.say(client, &ClientFrame::Disconnect(goodbye));
    }
}
