//! Frames to bytes and back, in both codecs; waits, reads and sends nothing.
//!
//! [`frame`] says what clients and the broker can say, [`Codec`] turns it into bytes and back,
//! [`message`] is the short way for the one frame that the broker writes for everybody.
//! `docs/protocol.md` is the normative text; `vectors/frames.json` has examples of every frame.
//!
//! ```
//! use broker_protocol::Codec;
//! use broker_protocol::frame::{ClientFrame, Publish};
//! use bytes::BytesMut;
//!
//! let publish = ClientFrame::Publish(Publish::bytes("chat.room", b"hello"));
//! let mut out = BytesMut::new();
//! Codec::Bincode.write_client(&publish, &mut out);
//!
//! let cut = Codec::Bincode.cut(&out, 64 * 1024)?.expect("the frame is whole");
//! assert_eq!(cut.taken, out.len());
//! assert_eq!(Codec::Bincode.read_client(cut.frame)?, Some(publish));
//! # Ok::<(), broker_protocol::DecodeError>(())
//! ```

mod codec;
mod error;
pub mod frame;
pub mod message;

pub use codec::{
    Codec, Cut, DecodeError, FRAME_BYTES_CEILING, Fault, FramesInPacket, HEADERS_MAX, NAMES_MAX,
    Names, UnknownCodec, frames_in_packet,
};
pub use error::ErrorCode;
