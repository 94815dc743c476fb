//! One client: what it says, and the link between it and the broker.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use broker_core::{Channel, Framing, LinkInfo, PongTo};
use broker_protocol::Codec;
use broker_protocol::frame::ClientFrame;
use bytes::BytesMut;

use crate::link::{Link, Refused};
use crate::random::Random;

/// What a link may be.
pub(crate) fn any_link(random: &mut Random) -> LinkInfo {
    let codec = *random.pick(&[Codec::Bincode, Codec::Bincode, Codec::Json]);
    let pings = *random.pick(&[PongTo::Frame, PongTo::Transport]);
    let secret = u128::from(random.next());
    let separate_lanes = random.percent(40);
    LinkInfo { codec, separate_lanes, pings, secret, datagram_bytes_max: None }
}

pub(crate) fn any_framing(random: &mut Random) -> Framing {
    *random.pick(&[Framing::Stream, Framing::Packets])
}

/// One client.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) name: String,
    pub(crate) shard: usize,
    /// Its slot in the shard, until that is forgotten.
    pub(crate) slot: Option<u32>,
    pub(crate) info: LinkInfo,
    pub(crate) framing: Framing,
    pub(crate) link: Link,
    /// Whether the broker has ended the session and its closing word is on its way.
    pub(crate) closing: bool,
    /// Whether it reads nothing any more, and doesn't know that its link is about to break.
    pub(crate) asleep: bool,
    /// Whether it takes everything at once and never says anything.
    pub(crate) is_auditor: bool,
    /// What it said and the broker hasn't read: packets of whole frames.
    pub(crate) upload: VecDeque<Vec<u8>>,
    /// Beginnings of frames, by channel.
    partial: BTreeMap<Option<u8>, Vec<u8>>,
    pub(crate) next_id: u64,
    /// Lanes that it asked to open.
    pub(crate) opened: BTreeSet<u8>,
    /// Its session and the secret of it, once it knows them.
    pub(crate) session: Option<(String, String)>,
    /// Commands that may have to be repeated, in bincode, by their ids.
    pub(crate) commands: BTreeMap<u64, Vec<u8>>,
    /// Whether it asked to go on with its session, and has no answer yet.
    pub(crate) resuming: bool,
    /// Whether it asked for its session to be kept when it said goodbye.
    pub(crate) keeps: bool,
    /// Whether more may wait for it than the bounds of its lanes allow: it has come back.
    pub(crate) lenient: bool,
    /// The earliest time at which its session, which is without a link, may end.
    pub(crate) deadline: Option<Duration>,
    /// Whether it has said goodbye.
    pub(crate) says_goodbye: bool,
    /// Whose link this is, where another took its place: then it is nothing else.
    pub(crate) ghost_of: Option<usize>,
}

impl Client {
    pub(crate) fn new(name: &str, shard: usize, random: &mut Random) -> Self {
        Self {
            name: name.to_owned(),
            shard,
            slot: None,
            info: any_link(random),
            framing: any_framing(random),
            link: Link::default(),
            closing: false,
            asleep: false,
            is_auditor: false,
            upload: VecDeque::new(),
            partial: BTreeMap::new(),
            next_id: 1,
            opened: BTreeSet::from([0]),
            session: None,
            commands: BTreeMap::new(),
            resuming: false,
            keeps: false,
            lenient: false,
            deadline: None,
            says_goodbye: false,
            ghost_of: None,
        }
    }

    /// Leaves its link behind: another client with that link, or nothing but what it knew.
    pub(crate) fn leave_link(&mut self) -> Self {
        let mut left = Self {
            name: self.name.clone(),
            slot: self.slot.take(),
            link: std::mem::take(&mut self.link),
            upload: std::mem::take(&mut self.upload),
            partial: std::mem::take(&mut self.partial),
            opened: BTreeSet::from([0]),
            session: None,
            commands: BTreeMap::new(),
            deadline: None,
            ..*self
        };
        (self.closing, self.resuming, self.lenient, self.asleep) = (false, false, false, false);
        (left.next_id, left.resuming, left.keeps) = (1, false, false);
        left
    }

    /// How many bytes of frames were written and not read whole.
    pub(crate) fn unread(&self) -> u64 {
        let begun = self.partial.values().map(|begun| begun.len() as u64);
        self.link.unread() + begun.sum::<u64>()
    }

    /// Gets another link, of any kind. What was put in order before `applied` is in its lanes.
    pub(crate) fn take_link(&mut self, info: LinkInfo, framing: Framing, applied: Duration) {
        (self.info, self.framing) = (info, framing);
        (self.resuming, self.lenient) = (true, true);
        (self.link.waited, self.link.refused) = (true, Refused::Everywhere(applied));
        (self.says_goodbye, self.keeps) = (false, false);
    }

    /// Says something: alone in a packet, or in the packet of what it said before.
    pub(crate) fn say(&mut self, frame: &ClientFrame<'_>, random: &mut Random) {
        let mut bytes = BytesMut::new();
        self.info.codec.write_client(frame, &mut bytes);
        match self.upload.back_mut() {
            Some(packet) if random.percent(60) => packet.extend_from_slice(&bytes),
            _ => self.upload.push_back(bytes.to_vec()),
        }
    }

    /// What the broker reads next: on a stream, any beginning of it.
    pub(crate) fn take_upload(&mut self, random: &mut Random) -> Option<Vec<u8>> {
        let mut packet = self.upload.pop_front()?;
        if self.framing == Framing::Stream && packet.len() > 1 && random.percent(30) {
            let rest = packet.split_off(random.between(1, packet.len() - 1));
            self.upload.push_front(rest);
        }
        Some(packet)
    }

    /// Takes bytes off a channel. Returns the whole frames, or `None` if they can't be read.
    pub(crate) fn read(&mut self, channel: Channel, bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
        let key = match channel {
            Channel::Control => None,
            Channel::Lane(lane) | Channel::Datagram(lane) => Some(lane),
        };
        let partial = self.partial.entry(key).or_default();
        partial.extend_from_slice(bytes);
        let (mut frames, mut taken) = (Vec::new(), 0);
        while let Some(cut) = self.info.codec.cut(&partial[taken..], usize::MAX).ok()? {
            taken += cut.taken;
            frames.push(cut.frame.to_vec());
        }
        partial.drain(..taken);
        Some(frames)
    }

    /// Whether a frame was begun and not ended.
    pub(crate) fn is_inside_a_frame(&self, channel: Channel) -> bool {
        let key = match channel {
            Channel::Control => None,
            Channel::Lane(lane) | Channel::Datagram(lane) => Some(lane),
        };
        self.partial.get(&key).is_some_and(|partial| !partial.is_empty())
    }
}
