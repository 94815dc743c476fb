//! From bytes to commands.

use std::borrow::Cow;

use broker_protocol::frame::ClientFrame;
use broker_protocol::{DecodeError, ErrorCode, frames_in_packet};

use super::Shard;
use crate::session::Stage;
use crate::{Limits, Now, SessionId, ShardId};

/// How the bytes of a link are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Each piece is a whole packet of whole frames.
    Packets,
    /// Frames follow each other, pieces are cut anywhere.
    Stream,
}

/// Where a link belongs after what it brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// To the session in this slot of the shard.
    Here(u32),
    /// To a session of another shard, which its client wishes to go on with. It is to be
    /// [attached](Shard::attach) there, and what it brought so far received there.
    Elsewhere {
        /// The shard.
        shard: ShardId,
        /// What the link brought so far.
        early: Vec<u8>,
    },
}

/// Why no more is read.
enum Stop {
    Malformed(DecodeError),
    TooManyFrames,
    Ended,
    Elsewhere(ShardId),
}

impl Shard {
    /// Takes what a client sent.
    ///
    /// Malformed input ends the session, with a code; it never reaches the sequencer.
    ///
    /// Returns where the link belongs now: a client that comes back finds its session in the slot that
    /// it had. [`Shard::take_moves`] tells of all such changes.
    pub fn receive(&mut self, now: Now, slot: u32, bytes: &[u8], framing: Framing) -> Heard {
        self.sign_of_life(now, slot);
        let mut at = slot;
        let partial = match framing {
            Framing::Packets => Vec::new(),
            Framing::Stream => {
                let partial = self.sessions[slot as usize].link.partial.take();
                partial.map_or_else(Vec::new, |partial| *partial)
            }
        };
        let joined = if partial.is_empty() { Cow::Borrowed(bytes) } else { join(partial, bytes) };
        let stopped = match framing {
            Framing::Packets => self.receive_packet(now, &mut at, bytes),
            Framing::Stream => self.receive_stream(now, &mut at, &joined, bytes),
        };
        if let Err(Stop::Elsewhere(shard)) = stopped {
            self.sessions.remove(slot as usize);
            return Heard::Elsewhere { shard, early: joined.into_owned() };
        }
        self.stop(at, stopped);
        Heard::Here(at)
    }

    fn stop(&mut self, slot: u32, stopped: Result<(), Stop>) {
        let (code, message) = match stopped {
            Ok(()) | Err(Stop::Ended | Stop::Elsewhere(_)) => return,
            Err(Stop::Malformed(error)) => (error.code(), error.to_string()),
            Err(Stop::TooManyFrames) => {
                let most = self.config.limits.frames_per_packet_max;
                let message = format!("a packet of more than {most} frames; send several packets");
                (ErrorCode::TooManyFrames, message)
            }
        };
        self.statistics.malformed += 1;
        self.end_faulty(slot, code, message);
    }

    /// Notes that the peer is alive.
    pub fn sign_of_life(&mut self, now: Now, slot: u32) {
        let link = &mut self.sessions[slot as usize].link;
        link.received = now.monotonic;
        link.pings_sent = 0;
    }

    fn receive_packet(&mut self, now: Now, at: &mut u32, packet: &[u8]) -> Result<(), Stop> {
        let codec = self.sessions[*at as usize].link.info.codec;
        let Limits { frame_bytes_max, frames_per_packet_max, .. } = self.config.limits;
        for (count, frame) in frames_in_packet(codec, packet, frame_bytes_max).enumerate() {
            if count == frames_per_packet_max {
                return Err(Stop::TooManyFrames);
            }
            self.receive_frame(now, at, frame.map_err(Stop::Malformed)?)?;
        }
        Ok(())
    }

    /// Takes the whole frames of `joined`, which ends with `last`, and keeps the rest.
    fn receive_stream(
        &mut self,
        now: Now,
        at: &mut u32,
        joined: &[u8],
        last: &[u8],
    ) -> Result<(), Stop> {
        let goes_on = last.len() < joined.len() && self.is_line_open(*at, joined, last);
        let taken = if goes_on { 0 } else { self.receive_frames(now, at, joined)? };
        if taken < joined.len() {
            self.sessions[*at as usize].link.partial = Some(Box::new(joined[taken..].to_vec()));
        }
        Ok(())
    }

    /// Whether a text frame goes on behind `joined`, as can be seen from its last piece alone: a line
    /// that comes byte by byte isn't searched from its beginning each time.
    fn is_line_open(&self, slot: u32, joined: &[u8], last: &[u8]) -> bool {
        self.sessions[slot as usize].link.info.codec.is_text()
            && joined.len() <= self.config.limits.frame_bytes_max
            && !last.contains(&b'\n')
    }

    /// Takes every whole frame. Returns how many bytes they were.
    fn receive_frames(&mut self, now: Now, at: &mut u32, bytes: &[u8]) -> Result<usize, Stop> {
        let codec = self.sessions[*at as usize].link.info.codec;
        let frame_bytes_max = self.config.limits.frame_bytes_max;
        let mut taken = 0;
        while let Some(cut) =
            codec.cut(&bytes[taken..], frame_bytes_max).map_err(Stop::Malformed)?
        {
            taken += cut.taken;
            self.receive_frame(now, at, cut.frame)?;
        }
        Ok(taken)
    }

    fn receive_frame(&mut self, now: Now, at: &mut u32, frame: &[u8]) -> Result<(), Stop> {
        let session = &self.sessions[*at as usize];
        if matches!(session.stage, Stage::Ending) {
            return Err(Stop::Ended);
        }
        // Frames are large, and stay where they were read.
        match session.link.info.codec.read_client(frame) {
            Ok(Some(ref mut frame)) => {
                if let Some(shard) = self.elsewhere(*at, frame) {
                    return Err(Stop::Elsewhere(shard));
                }
                self.dispatch(now, *at, frame);
            }
            // A frame of a later version, to be skipped.
            Ok(None) => {}
            Err(error) => return Err(Stop::Malformed(error)),
        }
        if let Some((from, to)) = self.moves.last()
            && from == at
        {
            *at = *to;
        }
        Ok(())
    }

    /// The other shard where the session is that a client wishes to go on with.
    fn elsewhere(&self, slot: u32, frame: &ClientFrame<'_>) -> Option<ShardId> {
        let ClientFrame::Connect(connect) = frame else { return None };
        let wished = SessionId::parse(&connect.resume.as_ref()?.session)?.shard;
        let connecting = self.sessions[slot as usize].stage == Stage::Connecting;
        let there = wished != self.id && wished.0 < self.config.shards;
        (connecting && there && self.draining.is_none()).then_some(wished)
    }

    fn dispatch(&mut self, now: Now, slot: u32, frame: &mut ClientFrame<'_>) {
        match (self.sessions[slot as usize].stage, frame) {
            // Whoever comes while the broker stops is told so with the next `end_drained`.
            (Stage::Connecting, _) if self.draining.is_some() => {}
            (Stage::Connecting, ClientFrame::Connect(connect)) => {
                self.connect(now, slot, std::mem::take(connect));
            }
            (Stage::Connecting, _) => {
                let message = "the first frame of a connection must be `connect`";
                self.end_faulty(slot, ErrorCode::Unexpected, message.to_owned());
            }
            (Stage::Open, ClientFrame::Connect(_)) => {
                let message = "a second `connect`: a connection carries one session";
                self.end_faulty(slot, ErrorCode::Unexpected, message.to_owned());
            }
            (Stage::Open, frame) => self.carry_out(now, slot, frame),
            (Stage::Draining, ClientFrame::Reply(reply)) => self.reply(slot, reply),
            // What waits is still sent, within the window.
            (Stage::Draining, ClientFrame::Pong(pong)) => self.carry_out_pong(now, slot, pong),
            (Stage::Draining, ClientFrame::Consumed(consumed)) => {
                self.consumed(now, slot, consumed);
            }
            (Stage::Draining | Stage::Away | Stage::Ending, _) => {}
        }
    }
}

fn join(mut partial: Vec<u8>, bytes: &[u8]) -> Cow<'static, [u8]> {
    partial.extend_from_slice(bytes);
    Cow::Owned(partial)
}
