//! The frames that wait to be handed to the link.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use super::{Lifetime, PACKET_BYTES_MAX, PACKET_FRAMES_MAX};

/// Frames that are written one behind the other, in bytes, and their number: parts of a packet.
const RUN_BYTES_MAX: usize = PACKET_BYTES_MAX / 4;
const RUN_FRAMES_MAX: usize = PACKET_FRAMES_MAX / 4;

#[derive(Debug)]
pub(super) struct Queued {
    pub(super) bytes: Bytes,
    /// How many frames that is.
    pub(super) count: usize,
    pub(super) id: Option<u64>,
    pub(super) room: usize,
    pub(super) lifetime: Lifetime,
}

impl Queued {
    /// One frame.
    pub(super) fn one(bytes: Bytes, id: Option<u64>, room: usize, lifetime: Lifetime) -> Self {
        Self { bytes, count: 1, id, room, lifetime }
    }

    fn roomless_bytes(&self) -> usize {
        let counts = self.room == 0 && self.lifetime == Lifetime::Session;
        if counts { self.bytes.len() } else { 0 }
    }
}

/// Frames that are written one behind the other, as long as nothing else comes: nobody asks for one of
/// them any more, and they are worth sending in a later session too.
#[derive(Debug, Default)]
struct Run {
    bytes: BytesMut,
    count: usize,
    room: usize,
}

impl Run {
    /// Takes what there is.
    fn take(&mut self) -> Option<Queued> {
        let Self { bytes, count, room } = self;
        let (count, room) = (std::mem::take(count), std::mem::take(room));
        let (id, lifetime) = (None, Lifetime::Client);
        (count > 0).then(|| Queued { bytes: bytes.split().freeze(), count, id, room, lifetime })
    }
}

/// Frames that wait to be handed to the link. Their bytes are bounded by the hub's room; of those
/// that mean the session alone and take no room, by a bound of their own.
#[derive(Debug, Default)]
pub(in crate::hub) struct Outgoing {
    frames: VecDeque<Queued>,
    /// What comes behind them.
    run: Run,
    roomless_bytes: usize,
}

impl Outgoing {
    /// What waits without room of its own, in bytes.
    pub(super) fn roomless_bytes(&self) -> usize {
        self.roomless_bytes
    }

    pub(super) fn push(&mut self, queued: Queued) {
        self.frames.extend(self.run.take());
        self.roomless_bytes += queued.roomless_bytes();
        self.frames.push_back(queued);
    }

    /// Puts a frame behind the others that nobody asks for any more.
    pub(super) fn append(&mut self, frame: &[u8], room: usize) {
        let Run { bytes, count, .. } = &self.run;
        if bytes.len() + frame.len() > RUN_BYTES_MAX || *count == RUN_FRAMES_MAX {
            self.frames.extend(self.run.take());
        }
        let run = &mut self.run;
        if run.bytes.capacity() - run.bytes.len() < frame.len() {
            run.bytes.reserve(RUN_BYTES_MAX.max(frame.len()));
        }
        run.bytes.extend_from_slice(frame);
        run.count += 1;
        run.room += room;
    }

    /// The length of what comes next.
    pub(super) fn next_bytes(&self) -> Option<usize> {
        let run = Some(self.run.bytes.len()).filter(|_| self.run.count > 0);
        self.frames.front().map(|queued| queued.bytes.len()).or(run)
    }

    pub(super) fn pop(&mut self) -> Option<Queued> {
        let queued = self.frames.pop_front().or_else(|| self.run.take())?;
        self.roomless_bytes -= queued.roomless_bytes();
        Some(queued)
    }

    /// Takes a frame out that waits. Returns the room that it took, if it was there.
    pub(super) fn take(&mut self, id: u64) -> Option<usize> {
        let place = self.frames.iter().position(|queued| queued.id == Some(id))?;
        let queued = self.frames.remove(place)?;
        self.roomless_bytes -= queued.roomless_bytes();
        Some(queued.room)
    }

    /// Puts what is to be repeated in front, instead of what of it waits already.
    pub(in crate::hub) fn repeat(
        &mut self,
        repeated: Vec<(u64, Bytes)>,
        was_sent: impl Fn(u64) -> bool,
    ) {
        self.frames.retain(|queued| !queued.id.is_some_and(&was_sent));
        for (id, bytes) in repeated.into_iter().rev() {
            let lifetime = Lifetime::Session;
            self.frames.push_front(Queued::one(bytes, Some(id), 0, lifetime));
        }
        self.roomless_bytes = self.frames.iter().map(Queued::roomless_bytes).sum();
    }

    /// Forgets what meant the session alone. Returns the room that it took.
    pub(in crate::hub) fn forget_connection(&mut self) -> usize {
        let mut room = 0;
        self.roomless_bytes = 0;
        self.frames.retain(|queued| {
            let stays = queued.lifetime == Lifetime::Client;
            room += if stays { 0 } else { queued.room };
            stays
        });
        room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pop_all(queue: &mut Outgoing) -> Vec<(Vec<u8>, usize, usize)> {
        let taken = std::iter::from_fn(|| {
            let next = queue.next_bytes();
            let Queued { bytes, count, room, .. } = queue.pop()?;
            assert_eq!(next, Some(bytes.len()));
            Some((bytes.to_vec(), count, room))
        });
        taken.collect()
    }

    fn command(id: u64) -> Queued {
        let (bytes, lifetime) = (Bytes::from_static(b"c"), Lifetime::Client);
        Queued::one(bytes, Some(id), 10, lifetime)
    }

    #[test]
    fn what_is_appended_keeps_its_place_among_other_frames() {
        let mut queue = Outgoing::default();
        queue.append(b"a", 1);
        queue.append(b"b", 2);
        queue.push(command(1));
        queue.append(b"d", 4);
        let expected = [(b"ab".to_vec(), 2, 3), (b"c".to_vec(), 1, 10), (b"d".to_vec(), 1, 4)];
        assert_eq!(pop_all(&mut queue), expected);
        assert!(queue.pop().is_none());
    }

    #[test]
    fn a_run_is_a_part_of_a_packet_and_no_frame_is_cut() {
        let mut queue = Outgoing::default();
        let frame = [7; 100];
        (0..1000).for_each(|_| queue.append(&frame, 164));
        queue.append(&[8; 2 * RUN_BYTES_MAX], 5);
        let taken = pop_all(&mut queue);
        let (last, runs) = taken.split_last().expect("something was appended");
        assert_eq!((last.0.len(), last.1), (2 * RUN_BYTES_MAX, 1));
        for (bytes, count, room) in runs {
            assert_eq!((bytes.len(), *room), (count * 100, count * 164));
            assert!(bytes.len() <= RUN_BYTES_MAX && *count <= RUN_FRAMES_MAX);
        }
        assert_eq!(runs.iter().map(|(_, count, _)| count).sum::<usize>(), 1000);
    }

    #[test]
    fn what_is_appended_outlives_the_session_and_gives_no_room_back() {
        let mut queue = Outgoing::default();
        queue.append(b"a", 1);
        let lifetime = Lifetime::Session;
        let bytes = Bytes::from_static(b"c");
        queue.push(Queued::one(bytes, None, 3, lifetime));
        queue.append(b"b", 2);
        assert_eq!(queue.forget_connection(), 3);
        assert_eq!(pop_all(&mut queue), [(b"a".to_vec(), 1, 1), (b"b".to_vec(), 1, 2)]);
    }
}
