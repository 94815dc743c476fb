//! From bytes to commands.

use broker_protocol::frame::ClientFrame;
use broker_protocol::{DecodeError, ErrorCode, frames_in_packet};

use super::Shard;
use crate::session::Stage;
use crate::{Limits, Now};

/// How the bytes of a link are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Each piece is a whole packet of whole frames.
    Packets,
    /// Frames follow each other, pieces are cut anywhere.
    Stream,
}

/// Why no more is read.
enum Stop {
    Malformed(DecodeError),
    TooManyFrames,
    Ended,
}

impl Shard {
    /// Takes what a client sent.
    ///
    /// Malformed input ends the session, with a code; it never reaches the sequencer.
    pub fn receive(&mut self, now: Now, slot: u32, bytes: &[u8], framing: Framing) {
        self.sign_of_life(now, slot);
        let stopped = match framing {
            Framing::Packets => self.receive_packet(now, slot, bytes),
            Framing::Stream => self.receive_stream(now, slot, bytes),
        };
        let (code, message) = match stopped {
            Ok(()) | Err(Stop::Ended) => return,
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

    fn receive_packet(&mut self, now: Now, slot: u32, packet: &[u8]) -> Result<(), Stop> {
        let codec = self.sessions[slot as usize].link.info.codec;
        let Limits { frame_bytes_max, frames_per_packet_max, .. } = self.config.limits;
        for (count, frame) in frames_in_packet(codec, packet, frame_bytes_max).enumerate() {
            if count == frames_per_packet_max {
                return Err(Stop::TooManyFrames);
            }
            self.receive_frame(now, slot, frame.map_err(Stop::Malformed)?)?;
        }
        Ok(())
    }

    fn receive_stream(&mut self, now: Now, slot: u32, bytes: &[u8]) -> Result<(), Stop> {
        let partial = &mut self.sessions[slot as usize].link.partial;
        if partial.is_empty() {
            let taken = self.receive_frames(now, slot, bytes)?;
            let rest = &bytes[taken..];
            if !rest.is_empty() {
                self.sessions[slot as usize].link.partial = rest.to_vec();
            }
            return Ok(());
        }
        let mut joined = std::mem::take(partial);
        joined.extend_from_slice(bytes);
        if self.is_line_open(slot, &joined, bytes) {
            self.sessions[slot as usize].link.partial = joined;
            return Ok(());
        }
        let taken = self.receive_frames(now, slot, &joined)?;
        if taken < joined.len() {
            joined.drain(..taken);
            self.sessions[slot as usize].link.partial = joined;
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
    fn receive_frames(&mut self, now: Now, slot: u32, bytes: &[u8]) -> Result<usize, Stop> {
        let codec = self.sessions[slot as usize].link.info.codec;
        let frame_bytes_max = self.config.limits.frame_bytes_max;
        let mut taken = 0;
        while let Some(cut) =
            codec.cut(&bytes[taken..], frame_bytes_max).map_err(Stop::Malformed)?
        {
            taken += cut.taken;
            self.receive_frame(now, slot, cut.frame)?;
        }
        Ok(taken)
    }

    fn receive_frame(&mut self, now: Now, slot: u32, frame: &[u8]) -> Result<(), Stop> {
        let session = &self.sessions[slot as usize];
        if matches!(session.stage, Stage::Ending) {
            return Err(Stop::Ended);
        }
        let codec = session.link.info.codec;
        // `None` is a frame of a later version, to be skipped.
        if let Some(frame) = codec.read_client(frame).map_err(Stop::Malformed)? {
            self.dispatch(now, slot, frame);
        }
        Ok(())
    }

    fn dispatch(&mut self, now: Now, slot: u32, frame: ClientFrame<'_>) {
        match (self.sessions[slot as usize].stage, frame) {
            // Whoever comes while the broker stops is told so with the next `end_drained`.
            (Stage::Connecting, _) if self.draining.is_some() => {}
            (Stage::Connecting, ClientFrame::Connect(connect)) => self.connect(now, slot, connect),
            (Stage::Connecting, _) => {
                let message = "the first frame of a connection must be `connect`";
                self.end_faulty(slot, ErrorCode::Unexpected, message.to_owned());
            }
            (Stage::Open, ClientFrame::Connect(_)) => {
                let message = "a second `connect`: a connection carries one session";
                self.end_faulty(slot, ErrorCode::Unexpected, message.to_owned());
            }
            (Stage::Open, frame) => self.carry_out(now, slot, frame),
            (Stage::Draining, ClientFrame::Reply(reply)) => self.reply(slot, &reply),
            // What waits is still sent, within the window.
            (Stage::Draining, ClientFrame::Pong(pong)) => self.carry_out_pong(now, slot, &pong),
            (Stage::Draining | Stage::Ending, _) => {}
        }
    }
}
