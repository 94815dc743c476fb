//! A world of shards, one sequencer, and clients: everything that the server does, in the order
//! that a seed chooses, in a time of its own.

mod absence;
mod quiet;

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use broker_core::{Config, Flushed, Item, LinkInfo, Now, Sequencer, Shard, ShardId, Verdict};
use broker_protocol::frame::BrokerFrame;

use crate::client::Client;
use crate::judge::{Arrival, Judge, Violation};
use crate::link::{Flushing, Piece};
use crate::plan::{NAMES, Plan};
use crate::random::Random;
use crate::shrink::Cut;
use crate::tamper::{Passing, Tamper};

/// Among how many places of clients is chosen.
const PLACES: usize = 16;

/// A world, and what it has come to.
pub(crate) struct World {
    pub(crate) plan: Plan,
    pub(crate) random: Random,
    pub(crate) clients: Vec<Client>,
    pub(crate) judge: Judge,
    pub(crate) tamper: Tamper,
    pub(crate) cut: Cut,
    seed: u64,
    /// The step of the world that is taken.
    at: u64,
    now: Now,
    shards: Vec<Shard>,
    sequencer: Sequencer,
    inboxes: Vec<VecDeque<Item>>,
    flushes: u64,
    /// When each shard was told the time last.
    ticked: Vec<Duration>,
    /// When each had last carried out all that had been put in order.
    applied: Vec<Duration>,
}

impl World {
    pub(crate) fn new(seed: u64, tamper: Tamper, tells: bool) -> Self {
        let mut random = Random::of(seed);
        let plan = Plan::of(seed, &mut random);
        let now = Now { monotonic: Duration::from_secs(1), wall: 1_700_000_000_000 };
        let shard = |id| Shard::new(ShardId(id as u16), Config::clone(&plan.config), now);
        Self {
            shards: (0..plan.shards).map(shard).collect(),
            sequencer: Sequencer::new(plan.sequencer.clone(), now),
            inboxes: (0..plan.shards).map(|_| VecDeque::new()).collect(),
            judge: Judge::new(&plan, tells, now.monotonic),
            random,
            clients: Vec::new(),
            tamper,
            cut: Cut::default(),
            seed,
            at: 0,
            now,
            flushes: 0,
            ticked: vec![now.monotonic; plan.shards],
            applied: vec![now.monotonic; plan.shards],
            plan,
        }
    }

    /// Leaves out steps.
    pub(crate) fn cut(self, cut: Cut) -> Self {
        Self { cut, ..self }
    }

    pub(crate) fn steps_taken(&self) -> u64 {
        self.at
    }

    /// Lives through everything. Returns the promise that was broken, if any: that nothing panics is
    /// one.
    pub(crate) fn run(&mut self) -> Result<(), Violation> {
        let lived = catch_unwind(AssertUnwindSafe(|| self.live()));
        lived.unwrap_or_else(|panic| {
            let said = panic.downcast_ref::<String>().map(String::as_str);
            let said = said.or(panic.downcast_ref::<&str>().copied()).unwrap_or_default();
            Err(Violation { client: 0, what: format!("the broker panics: {said}") })
        })
    }

    fn live(&mut self) -> Result<(), Violation> {
        if self.plan.auditor {
            let auditor = self.enter("auditor");
            self.clients[auditor].is_auditor = true;
            self.clients[auditor].link.refusing = 0;
            self.subscribe_to(auditor, ">");
        }
        self.rest()?;
        for _ in 0..self.plan.rests {
            for _ in 0..self.plan.steps {
                self.next();
                if self.cut.takes(self.at) {
                    self.step();
                    self.verdict()?;
                }
            }
            self.next();
            self.rest()?;
        }
        self.end()
    }

    /// Each step has random numbers of its own: it is the same whatever is left out in front of it.
    fn next(&mut self) {
        self.at += 1;
        self.judge.step += 1;
        self.judge.now = self.at;
        self.random = Random::of_step(self.seed, self.at);
    }

    fn verdict(&self) -> Result<(), Violation> {
        self.judge.violation.clone().map_or(Ok(()), Err)
    }

    fn step(&mut self) {
        if self.plan.haste > 0 && self.random.percent(self.plan.haste) {
            return self.hurry();
        }
        let client = self.any_client();
        match (self.random.below(1000), client) {
            (0..250, Some(client)) => self.act(client),
            (250..500, Some(client)) => self.upload(client),
            (500..720, Some(client)) if self.clients[client].asleep => self.sleep_on(client),
            (500..720, Some(client)) => self.download(client),
            (720..745, Some(client)) => self.release(client),
            (745..780, Some(client)) => self.stall(client),
            (780..787, Some(client)) => self.part(client),
            (787..790, Some(client)) => self.take_over(client),
            (790..805, _) => self.pass_time(),
            (830..850, _) if !self.away().is_empty() => {
                let away = self.away();
                let client = *self.random.pick(&away);
                self.come_back(client);
            }
            (805..830, _) if self.living().len() < self.plan.clients_max => {
                let name = *self.random.pick(&NAMES);
                self.enter(name);
            }
            _ => {
                let shard = self.random.below(self.plan.shards);
                let all = self.random.percent(70);
                self.turn(shard, all);
            }
        }
    }

    /// Some time passes, or all that a shard has to do is done.
    fn hurry(&mut self) {
        if self.random.percent(40) {
            return self.pass_time();
        }
        let shard = self.random.below(self.plan.shards);
        self.turn(shard, true);
    }

    fn living(&self) -> Vec<usize> {
        let clients = self.clients.iter().enumerate();
        clients.filter(|(_, client)| client.slot.is_some()).map(|(place, _)| place).collect()
    }

    fn any_client(&mut self) -> Option<usize> {
        let living = self.living();
        let wished = self.random.below(PLACES);
        // The next one from there, so that it mostly is the same whoever else is there.
        living.iter().find(|place| **place >= wished).or(living.first()).copied()
    }

    fn pass_time(&mut self) {
        let most = *self.random.pick(&[1, 10, 100]);
        self.advance(Duration::from_millis(self.random.clone().below(most) as u64));
        self.random.next();
    }

    fn advance(&mut self, by: Duration) {
        self.now.monotonic += by;
        self.now.wall += by.as_millis() as u64;
        self.judge.clock = self.now.monotonic;
        self.expire();
    }

    fn enter(&mut self, name: &str) -> usize {
        let shard = self.random.below(self.plan.shards);
        let mut client = Client::new(name, shard, &mut self.random);
        client.link.refusing = self.plan.refusing;
        client.slot = Some(self.shards[shard].attach(self.now, client.info));
        let place = self.judge.enter(name, client.info.separate_lanes);
        let LinkInfo { codec, separate_lanes, .. } = client.info;
        self.judge.note(place, || {
            format!("enters shard {shard}, in {codec:?}, lanes apart: {separate_lanes}")
        });
        self.clients.push(client);
        self.say_connect(place);
        place
    }

    /// The broker reads what a client said.
    fn upload(&mut self, client: usize) {
        let Client { slot: Some(slot), closing: false, framing, shard, .. } = self.clients[client]
        else {
            return;
        };
        if let Some(bytes) = self.clients[client].take_upload(&mut self.random) {
            let heard = self.shards[shard].receive(self.now, slot, &bytes, framing);
            self.settle_in(client, heard);
        }
        if self.clients[client].upload.is_empty() {
            self.clients[client].link.hear();
        }
    }

    /// A turn of a shard, as the server takes it.
    fn turn(&mut self, shard: usize, all: bool) {
        self.shards[shard].tick(self.now);
        self.ticked[shard] = self.now.monotonic;
        self.follow(shard);
        self.submit(shard);
        let waiting = self.inboxes[shard].len();
        let count = if all { waiting } else { self.random.below(waiting + 1) };
        let Self { inboxes, shards, .. } = self;
        shards[shard].apply(inboxes[shard].drain(..count));
        if count == waiting {
            self.applied[shard] = self.now.monotonic;
        }
        self.follow(shard);
        let slice = if all { usize::MAX } else { self.random.between(0, 3) };
        self.flush_slice(shard, slice);
        self.shards[shard].end_turn();
        for (slot, _) in self.shards[shard].take_native_pings() {
            self.shards[shard].sign_of_life(self.now, slot);
        }
        self.follow(shard);
        for ending in self.shards[shard].take_endings() {
            self.ending(shard, &ending);
        }
        self.check_memory(shard);
    }

    /// What was said is put in order.
    fn submit(&mut self, shard: usize) {
        let Self { sequencer, inboxes, shards, tamper, .. } = self;
        if let Some(mut batch) = shards[shard].take_batch() {
            tamper.forgets(&mut batch);
            sequencer.handle(self.now, &batch, &mut |to: ShardId, item| {
                inboxes[usize::from(to.0)].push_back(item);
            });
        }
    }

    fn client_of(&self, shard: usize, slot: u32) -> Option<usize> {
        let mut clients = self.clients.iter();
        clients.position(|client| client.shard == shard && client.slot == Some(slot))
    }

    fn flush_slice(&mut self, shard: usize, slice: usize) {
        for _ in 0..slice {
            let Some(slot) = self.shards[shard].next_dirty() else { return };
            if let Some(client) = self.client_of(shard, slot) {
                self.flush(client, None);
            }
        }
    }

    fn flush(&mut self, client: usize, forced: Option<Verdict>) -> Flushed {
        self.flushes += 1;
        // Who sees everything is never behind.
        let forced = match self.clients[client].is_auditor {
            true => Some(Verdict::Taken),
            false => forced,
        };
        let Client { slot: Some(slot), link, shard, info, resuming, .. } =
            &mut self.clients[client]
        else {
            return Flushed::Everything;
        };
        let mut outlet = Flushing {
            waited: link.waited,
            refused: link.refused.clone(),
            link,
            random: &mut self.random,
            flush: self.flushes,
            at: self.ticked[*shard],
            forced,
            codec: info.codec,
            packet_bytes_max: self.plan.config.limits.packet_bytes_max,
            oversized: None,
        };
        let flushed = self.shards[*shard].flush(*slot, &mut outlet);
        // What a session has for a client that comes back isn't there before the broker knows it.
        let everything = flushed == Flushed::Everything && !*resuming;
        outlet.link.flushed(everything, !*resuming);
        let (oversized, shard) = (outlet.oversized, *shard);
        self.clients[client].lenient &= !everything;
        self.follow(shard);
        if let Some(bytes) = oversized {
            self.judge.blame(client, Err(format!("a packet of {bytes} bytes, of several frames")));
        }
        flushed
    }

    /// A link that refused can take everything again.
    fn release(&mut self, client: usize) {
        let Client { slot: Some(slot), shard, .. } = self.clients[client] else { return };
        self.clients[client].link.stalled = false;
        // Nobody is told of a callback before it can be called.
        if self.plan.calls {
            self.submit(shard);
        }
        if self.flush(client, Some(Verdict::Refused)) == Flushed::Everything {
            return;
        }
        self.judge.note(client, || "can take more".to_owned());
        self.shards[shard].writable(slot);
        self.clients[client].link.unblock();
        if !self.clients[client].lenient {
            self.judge.views[client].releases.insert(self.flushes + 1);
        }
        let forced = self.random.percent(70).then_some(Verdict::Taken);
        self.flush(client, forced);
        if self.clients[client].closing {
            self.farewell(client);
        }
    }

    fn stall(&mut self, client: usize) {
        if !self.clients[client].is_auditor {
            self.judge.note(client, || "takes nothing any more".to_owned());
            self.clients[client].link.stalled = true;
        }
    }

    /// A client reads nothing of what its link takes, until it loses that.
    fn sleep_on(&mut self, client: usize) {
        if self.random.percent(15) {
            self.die(client);
        }
    }

    /// A client goes: with a word, or with its link.
    fn part(&mut self, client: usize) {
        if self.clients[client].is_auditor {
            return;
        }
        match self.random.below(4) {
            _ if self.clients[client].ghost_of.is_some() => self.die(client),
            _ if self.clients[client].says_goodbye => self.die(client),
            0 => self.say_goodbye(client, false),
            1 => self.say_goodbye(client, self.plan.stays),
            _ => self.die(client),
        }
    }

    /// Sends the closing word, and closes the link behind it.
    fn farewell(&mut self, client: usize) {
        if self.flush(client, None) == Flushed::Everything
            && let Some(slot) = self.clients[client].slot.take()
        {
            self.shards[self.clients[client].shard].forget(slot);
        }
    }

    fn download(&mut self, client: usize) {
        let sleeps = self.plan.sleepy > 0 && self.random.percent(self.plan.sleepy);
        self.clients[client].asleep = sleeps && !self.clients[client].is_auditor;
        for _ in 0..self.random.between(1, 4) {
            self.read_some(client, false);
        }
    }

    /// A transport answers a ping of its own.
    fn give_back(&mut self, client: usize, place: u64, mark: u64) {
        let Client { slot: Some(slot), shard, link, .. } = &mut self.clients[client] else {
            return;
        };
        self.shards[*shard].sign_of_life(self.now, *slot);
        self.shards[*shard].returned(self.now, *slot, mark);
        link.say(place);
    }

    /// A client reads a piece. Returns whether there was one.
    fn read_some(&mut self, mut client: usize, lost: bool) -> bool {
        let Client { resuming, ref mut link, .. } = self.clients[client];
        let taken = link.take(resuming, &mut self.random);
        let Some((channel, piece)) = taken else { return false };
        let Piece { written, mark, bytes, more } = piece;
        if let Some(mark) = mark {
            self.give_back(client, written.place, mark);
        }
        let codec = self.clients[client].info.codec;
        let Some(frames) = self.clients[client].read(channel, &bytes) else {
            self.judge.blame(client, Err("bytes that aren't frames".to_owned()));
            return false;
        };
        if !more && self.clients[client].is_inside_a_frame(channel) {
            self.judge.blame(client, Err("a packet ends inside a frame".to_owned()));
        }
        let arrival = Arrival { channel, written, lost };
        for frame in frames {
            let (lane, conflates) = self.judge.lane_of(client, arrival);
            let is_value = self.judge.is_value(client, arrival);
            let is_paced = self.judge.is_paced(client, lane);
            let removes = match codec.read_broker(&frame) {
                Ok(Some(BrokerFrame::Message(message))) if conflates => {
                    self.judge.removes(client, lane, &message)
                }
                _ => false,
            };
            if let Some(gone) = self.tamper.makes_up() {
                self.tamper.made_up = self.judge.make_up(client, arrival, (codec, &frame), gone);
            }
            if self.tamper.makes_up_a_call() {
                self.tamper.made_up = self.judge.make_up_call(arrival, (codec, &frame));
            }
            let (packet, resumed, is_first) = (written.packet, false, false);
            let is_of_known_loss = self.judge.views[client].knows_what_is_lost(lane);
            let ends_a_hold = match codec.read_broker(&frame) {
                Ok(Some(BrokerFrame::Message(message))) if self.tamper.asks_for_ends() => {
                    self.judge.ends_a_hold(client, &message)
                }
                _ => false,
            };
            let is_due_send = match codec.read_broker(&frame) {
                Ok(Some(BrokerFrame::Message(message))) if !lost => {
                    self.judge.is_due_send(&message)
                }
                _ => false,
            };
            let passing = Passing {
                is_due_send,
                ends_a_hold,
                client,
                codec,
                channel,
                lane,
                conflates,
                is_paced,
                removes,
                packet,
                is_value,
                resumed,
                is_first,
                is_of_known_loss,
            };
            for frame in self.tamper.pass(passing, frame) {
                match codec.read_broker(&frame) {
                    Ok(Some(frame)) => {
                        client = self.meet(client, lost, &frame);
                        self.judge.saw(client, arrival, &frame);
                        self.greeted(client, &frame);
                    }
                    other => self.judge.blame(client, Err(format!("not a frame: {other:?}"))),
                }
            }
        }
        true
    }

    /// What is said to a client that came back may be for a new session. Returns for which client.
    fn meet(&mut self, client: usize, lost: bool, frame: &BrokerFrame<'_>) -> usize {
        match frame {
            BrokerFrame::Connected(connected)
                if !lost && self.clients[client].resuming && !connected.resumed =>
            {
                self.renew(client)
            }
            _ => client,
        }
    }

    /// A client learns which session it has, and says again what has no answer.
    fn greeted(&mut self, client: usize, frame: &BrokerFrame<'_>) {
        let BrokerFrame::Connected(connected) = frame else { return };
        if self.clients[client].ghost_of.is_some() || self.judge.views[client].ended {
            return;
        }
        let session = (connected.session.clone(), connected.secret.clone());
        let met = &mut self.clients[client];
        if self.plan.stays {
            met.session = Some(session);
        }
        (met.resuming, met.deadline) = (false, None);
        if connected.resumed {
            self.judge.count("returns");
            self.repeat_commands(client);
            self.repeat_releases(client);
        }
    }
}
