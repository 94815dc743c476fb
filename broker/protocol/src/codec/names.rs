//! Messages of a packet that name the same topic and sender as the one before: these are neither read
//! nor checked again.

use std::borrow::Cow;

use super::Codec;
use super::binary::{Fields as _, Input};
use super::error::{DecodeError, Offence};
use super::frames::MESSAGE;
use crate::frame::{Body, BrokerFrame, Message};

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
///     let frame = names.read_broker(Codec::Bincode, frame?)?;
///     assert!(matches!(frame, Some(BrokerFrame::Message(Message { topic, .. })) if topic == "news"));
/// }
/// # Ok::<(), broker_protocol::DecodeError>(())
/// ```
#[derive(Debug, Default)]
pub struct Names<'a> {
    /// As they stand in the frame.
    written: &'a [u8],
    topic: &'a str,
    from: Option<&'a str>,
}

impl<'a> Names<'a> {
    /// Reads a frame as [`Codec::read_broker`] does: it returns the same.
    ///
    /// # Errors
    /// As [`Codec::read_broker`].
    #[inline]
    pub fn read_broker(
        &mut self,
        codec: Codec,
        frame: &'a [u8],
    ) -> Result<Option<BrokerFrame<'a>>, DecodeError> {
        match (codec, frame) {
            (Codec::Bincode, [MESSAGE, fields @ ..]) => match self.read_message(fields) {
                Ok(message) => Ok(Some(BrokerFrame::Message(message))),
                Err(offence) => Err(offence.in_frame("message")),
            },
            _ => codec.read_broker(frame),
        }
    }

    #[inline]
    fn read_message(&mut self, fields: &'a [u8]) -> Result<Message<'a>, Offence> {
        let mut input = Input::new(fields);
        let (seq, epoch, time) = (input.field("seq")?, input.field("epoch")?, input.field("time")?);
        if self.written.is_empty() || !input.skip(self.written) {
            self.read(&mut input)?;
        }
        let (topic, from) = (Cow::Borrowed(self.topic), self.from.map(Cow::Borrowed));
        Ok(Message { seq, epoch, time, topic, from, body: Body::read_fields(&mut input)? })
    }

    /// Other names than before.
    fn read(&mut self, input: &mut Input<'a>) -> Result<(), Offence> {
        let all = input.rest();
        let (topic, from) = (input.field("topic")?, input.field("from")?);
        let written = &all[..all.len() - input.rest().len()];
        *self = Self { written, topic, from };
        Ok(())
    }
}
