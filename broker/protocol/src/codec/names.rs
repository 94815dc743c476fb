//! Messages of a packet that name the same topic and sender as the one before: these are neither read
//! nor checked again.

use std::borrow::Cow;

use super::Codec;
use super::binary::{Fields as _, Input};
use super::error::{DecodeError, Offence};
use super::frames::MESSAGE;
use crate::frame::{Body, Message};

/// Topic and sender of the message of a packet that was read last: mostly the next one's too.
///
/// ```
/// use broker_protocol::frame::{BrokerFrame, Message};
/// use broker_protocol::{Codec, Names, frames_in_packet};
///
/// # let mut packet = bytes::BytesMut::new();
/// # for seq in 1..=2 {
/// #     let message = Message { seq, topic: "news".into(), ..Message::default() };
/// #     Codec::Bincode.write_broker(&BrokerFrame::Message(message), &mut packet);
/// # }
/// let mut names = Names::default();
/// for frame in frames_in_packet(Codec::Bincode, &packet, 64 * 1024) {
///     let message = names.read_message(Codec::Bincode, frame?)?;
///     assert_eq!(message.expect("it is one").topic, "news");
/// }
/// # Ok::<(), broker_protocol::DecodeError>(())
/// ```
#[derive(Debug, Default)]
pub struct Names<'a> {
    /// As they stand in the frame.
    written: &'a [u8],
    topic: &'a str,
    from: Option<&'a str>,
    repeated: bool,
}

impl<'a> Names<'a> {
    /// Whether the message that was read last names the same topic and sender as the one before it.
    pub fn are_repeated(&self) -> bool {
        self.repeated
    }

    /// Reads a frame that is a `message`, as [`Codec::read_broker`] would; `None` for one that only that
    /// can read: of another type, or in json.
    ///
    /// # Errors
    /// As [`Codec::read_broker`].
    // Spelled out, so that the message is made where the caller wants it: it is large.
    #[inline]
    pub fn read_message(
        &mut self,
        codec: Codec,
        frame: &'a [u8],
    ) -> Result<Option<Message<'a>>, DecodeError> {
        let (Codec::Bincode, [MESSAGE, fields @ ..]) = (codec, frame) else { return Ok(None) };
        let mut input = Input::new(fields);
        let seq = input.field("seq").map_err(in_message)?;
        let epoch = input.field("epoch").map_err(in_message)?;
        let time = input.field("time").map_err(in_message)?;
        self.repeated = !self.written.is_empty() && input.skip(self.written);
        if !self.repeated {
            self.read(&mut input).map_err(in_message)?;
        }
        let (topic, from) = (Cow::Borrowed(self.topic), self.from.map(Cow::Borrowed));
        match Body::read_fields(&mut input) {
            Ok(body) => Ok(Some(Message { seq, epoch, time, topic, from, body })),
            Err(offence) => Err(in_message(offence)),
        }
    }

    /// Other names than before.
    fn read(&mut self, input: &mut Input<'a>) -> Result<(), Offence> {
        let all = input.rest();
        let (topic, from) = (input.field("topic")?, input.field("from")?);
        let written = &all[..all.len() - input.rest().len()];
        *self = Self { written, topic, from, repeated: false };
        Ok(())
    }
}

fn in_message(offence: Offence) -> DecodeError {
    offence.in_frame("message")
}
