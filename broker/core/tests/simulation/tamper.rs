//! Faults that are planted between the broker and its clients, to prove that they are noticed.

mod callbacks;
mod fault;
mod forgets;
mod nulls;
mod seen;
mod sends;

use std::collections::BTreeSet;

use broker_core::Channel;
use broker_protocol::Codec;
use broker_protocol::frame::{BrokerFrame, Gap, GapReason, Message};
use bytes::BytesMut;

pub(crate) use callbacks::CallFault;
pub(crate) use fault::Fault;
use seen::{Seen, Thing, thing};

use crate::judge::Gone;

/// Where a frame passes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Passing {
    pub(crate) client: usize,
    pub(crate) codec: Codec,
    pub(crate) channel: Channel,
    pub(crate) lane: u8,
    /// Whether that lane conflates, and whether it holds keys back.
    pub(crate) conflates: bool,
    pub(crate) is_paced: bool,
    /// Whether that lane merges, and a member goes that was there.
    pub(crate) removes: bool,
    /// The packet in which it came.
    pub(crate) packet: u64,
    /// Whether it is for one subscription, and no group's.
    pub(crate) is_value: bool,
    /// Whether its client came back, and it is the first of its lane since.
    pub(crate) resumed: bool,
    pub(crate) is_first: bool,
    /// Whether its client knows how many messages the lane lost with a link.
    pub(crate) is_of_known_loss: bool,
    /// Whether it was sent to its client, accepted if that is known, and for good.
    pub(crate) is_due_send: bool,
    /// Whether it is the last call of somebody who has let go of the callback since.
    pub(crate) ends_a_hold: bool,
}

/// Plants one fault, or none.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tamper {
    fault: Option<Fault>,
    /// How many frames that the fault may befall are spared.
    spared: usize,
    /// The client and channel where it happened.
    pub(crate) victim: Option<(usize, Channel)>,
    held: Option<Vec<u8>>,
    /// The lane and packet where it happened, and the message's topic and key.
    lane: u8,
    packet: u64,
    of: Option<Thing>,
    /// A value that isn't retained any more, or a call that has expired, and could come here.
    pub(crate) made_up: Vec<Vec<u8>>,
    seen: Seen,
    /// Callbacks that were called.
    tokens: BTreeSet<String>,
    /// Clients that came back, and the lanes of which they got something since.
    resumed: BTreeSet<usize>,
    begun: BTreeSet<(usize, u8)>,
}

impl Tamper {
    pub(crate) fn plant(fault: Fault, spared: usize) -> Self {
        Self { fault: Some(fault), spared, ..Self::default() }
    }

    /// Of what kind a value is to be made up that isn't to come any more, in front of the end of a replay.
    pub(crate) fn makes_up(&self) -> Option<Gone> {
        self.fault.filter(|_| self.victim.is_none())?.makes_up_a_value()
    }

    /// Whether a call is to be made up that has expired.
    pub(crate) fn makes_up_a_call(&self) -> bool {
        self.fault == Some(Fault::Of(CallFault::ExpiredCall)) && self.victim.is_none()
    }

    /// Lets a frame pass, or what becomes of it.
    pub(crate) fn pass(&mut self, mut from: Passing, frame: Vec<u8>) -> Vec<Vec<u8>> {
        let Some(fault) = self.fault else { return vec![frame] };
        let Ok(Some(read)) = from.codec.read_broker(&frame) else { return vec![frame] };
        self.watch(&mut from, &read);
        if self.victim == Some((from.client, from.channel)) {
            return self.afterwards(fault, from, &frame, &read);
        }
        if self.victim.is_some() || !self.concerns(fault, from, &read) {
            if fault == Fault::StaleValue {
                self.seen.note(from, &frame, &read);
            }
            return vec![frame];
        }
        if self.spared > 0 {
            self.spared -= 1;
            return vec![frame];
        }
        self.victim = Some((from.client, from.channel));
        (self.lane, self.packet) = (from.lane, from.packet);
        if let BrokerFrame::Message(message) = &read {
            self.of = Some(thing(message));
        }
        match fault {
            Fault::Of(fault) => self.befall_callback(fault, from, &frame, read),
            _ => self.befall(fault, from, &frame, read),
        }
    }

    /// Notes who came back.
    fn watch(&mut self, from: &mut Passing, read: &BrokerFrame<'_>) {
        match read {
            BrokerFrame::Connected(connected) if connected.resumed => {
                self.resumed.insert(from.client);
                self.begun.retain(|(client, _)| *client != from.client);
            }
            BrokerFrame::Message(_) | BrokerFrame::Gap(_) => {
                from.is_first = self.begun.insert((from.client, from.lane));
            }
            _ => {}
        }
        from.resumed = self.resumed.contains(&from.client);
        from.is_first &= from.resumed;
    }

    /// Whether it matters which call is the last of a hold.
    pub(crate) fn asks_for_ends(&self) -> bool {
        self.fault == Some(Fault::Of(CallFault::LateCall)) && self.victim.is_none()
    }

    /// Whether a publish is now to be published again.
    pub(crate) fn publishes_again(&mut self, client: usize) -> bool {
        if self.fault != Some(Fault::PublishAgain) || self.victim.is_some() {
            return false;
        }
        match self.spared.checked_sub(1) {
            Some(spared) => self.spared = spared,
            None => self.victim = Some((client, Channel::Control)),
        }
        self.victim.is_some()
    }

    /// Whether the broker isn't to hear that a callback is released, which is attached.
    pub(crate) fn loses_release(&mut self, client: usize, is_attached: bool) -> bool {
        if self.fault != Some(Fault::Of(CallFault::SurvivingAttachment))
            || self.victim.is_some()
            || !is_attached
        {
            return false;
        }
        match self.spared.checked_sub(1) {
            Some(spared) => self.spared = spared,
            None => self.victim = Some((client, Channel::Control)),
        }
        self.victim.is_some()
    }

    pub(crate) fn has_lost_release(&self, client: usize) -> bool {
        let of_it = self.fault == Some(Fault::Of(CallFault::SurvivingAttachment));
        of_it && self.victim.is_some_and(|(victim, _)| victim == client)
    }

    fn concerns(&mut self, fault: Fault, from: Passing, read: &BrokerFrame<'_>) -> bool {
        if let Fault::Of(fault) = fault {
            return self.concerns_callback(fault, from, read);
        }
        let has_older = || match read {
            BrokerFrame::Message(message) => self.seen.older(from, message).is_some(),
            _ => false,
        };
        let made_up = fault.makes_up_a_value().is_some() && !self.made_up.is_empty();
        made_up || (fault.concerns(from, read) && (fault != Fault::StaleValue || has_older()))
    }

    fn befall(
        &mut self,
        fault: Fault,
        from: Passing,
        frame: &[u8],
        read: BrokerFrame<'_>,
    ) -> Vec<Vec<u8>> {
        let changed = match (fault, read) {
            (Fault::ExpiredValue | Fault::ClearedValue | Fault::OverdueValue, _) => {
                let mut frames = std::mem::take(&mut self.made_up);
                frames.push(frame.to_vec());
                return frames;
            }
            (Fault::ForgetNulls, BrokerFrame::Message(message)) => {
                return vec![forgetful(from.codec, message)];
            }
            (
                Fault::DoubleMessage
                | Fault::AnswerTwice
                | Fault::DoubleConflated
                | Fault::DoubleAtResume
                | Fault::DoubleRetained
                | Fault::DoubleGapAtResume
                | Fault::DoubleValue,
                _,
            ) => return vec![frame.to_vec(); 2],
            (
                Fault::SwapMessages
                | Fault::DelayAccepted
                | Fault::StepBack
                | Fault::LoseTurn
                | Fault::LateConflated
                | Fault::EarlyValue
                | Fault::LateRetained
                | Fault::EarlyCaughtUp,
                _,
            ) => {
                self.held = Some(frame.to_vec());
                return Vec::new();
            }
            (Fault::MiscountGap | Fault::MiscountConflated, BrokerFrame::Gap(gap)) => {
                BrokerFrame::Gap(Gap { count: gap.count + 1, ..gap })
            }
            (Fault::MiscountLost, BrokerFrame::Gap(gap)) => {
                BrokerFrame::Gap(Gap { count: gap.count.saturating_sub(1), ..gap })
            }
            (Fault::MiscountFolded, BrokerFrame::Gap(gap)) => {
                BrokerFrame::Gap(Gap { count: gap.count + 100, ..gap })
            }
            (Fault::MisleadGap, BrokerFrame::Gap(gap)) => {
                BrokerFrame::Gap(Gap { topic: Some("$to.nobody".to_owned()), ..gap })
            }
            (Fault::MisplaceLane, BrokerFrame::Connected(mut connected)) => {
                let lane = connected.lanes.iter_mut().find(|lane| lane.frames > 0);
                lane.into_iter().for_each(|lane| lane.frames += 1);
                BrokerFrame::Connected(connected)
            }
            (Fault::ForgetLanes, BrokerFrame::Connected(mut connected)) => {
                connected.lanes.clear();
                BrokerFrame::Connected(connected)
            }
            (Fault::TakenOverGoesOn, _) => BrokerFrame::Gap(Gap {
                topic: None,
                epoch: None,
                first_seq: None,
                last_seq: None,
                count: 1,
                reason: GapReason::Dropped,
            }),
            (Fault::ShiftSequence, BrokerFrame::Message(message)) => {
                BrokerFrame::Message(Message { seq: message.seq + 1, ..message })
            }
            (Fault::LoseTail | Fault::LoseTrailing, BrokerFrame::Message(message)) => {
                BrokerFrame::Gap(instead(&message, GapReason::Conflated))
            }
            (Fault::StaleValue, BrokerFrame::Message(message)) => {
                return self.seen.older(from, &message).into_iter().collect();
            }
            _ => return Vec::new(),
        };
        vec![encoded(from.codec, &changed)]
    }

    /// What the victim gets behind it.
    fn afterwards(
        &mut self,
        fault: Fault,
        from: Passing,
        frame: &[u8],
        read: &BrokerFrame<'_>,
    ) -> Vec<Vec<u8>> {
        let of = match read {
            BrokerFrame::Message(message) => Some(thing(message)),
            _ => None,
        };
        let here = of.is_some() && from.lane == self.lane;
        if fault == Fault::ForgetNulls
            && let BrokerFrame::Message(message) = read
            && here
            && nulls::without_nulls(message).is_some()
        {
            return vec![forgetful(from.codec, message.clone())];
        }
        if matches!(fault, Fault::LoseTail | Fault::LoseTrailing)
            && let BrokerFrame::Message(message) = read
            && (here && of == self.of)
        {
            let gap = instead(message, GapReason::Conflated);
            return vec![encoded(from.codec, &BrokerFrame::Gap(gap))];
        }
        let releases = match fault {
            Fault::EarlyCaughtUp => matches!(read, BrokerFrame::CaughtUp(_)),
            Fault::LateRetained => here && of == self.of && !from.is_value,
            Fault::StepBack => here && of == self.of,
            Fault::LoseTurn => here && of != self.of && topic(&of) == topic(&self.of),
            Fault::LateConflated => here && from.packet != self.packet,
            Fault::EarlyValue => here,
            Fault::Of(fault) => from.lane == self.lane && Self::lets_come(fault, read),
            _ => true,
        };
        let held = if releases { self.held.take() } else { None };
        std::iter::once(frame.to_vec()).chain(held).collect()
    }
}

fn topic(of: &Option<Thing>) -> Option<&str> {
    of.as_ref().map(|(topic, _)| topic.as_str())
}

/// A patch without its nulls.
fn forgetful(codec: Codec, mut message: Message<'_>) -> Vec<u8> {
    if let Some(payload) = nulls::without_nulls(&message) {
        message.body.payload = payload.into();
    }
    encoded(codec, &BrokerFrame::Message(message))
}

/// The gap that tells that a message is missing.
fn instead(message: &Message<'_>, reason: GapReason) -> Gap {
    Gap {
        topic: Some(message.topic.to_string()),
        epoch: Some(message.epoch),
        first_seq: Some(message.seq),
        last_seq: Some(message.seq),
        count: 1,
        reason,
    }
}

/// A frame without what is in front of or behind it.
fn encoded(codec: Codec, frame: &BrokerFrame<'_>) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    codec.write_broker(frame, &mut bytes);
    let cut = codec.cut(&bytes, usize::MAX);
    cut.ok().flatten().map(|cut| cut.frame.to_vec()).unwrap_or_default()
}
