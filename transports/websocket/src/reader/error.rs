//! The rules that a peer can break, and the status codes that tell it so.

/// A rule of RFC 6455 that the peer broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// A client's frame came without a mask (§5.1).
    #[error("a frame from the client is not masked")]
    Unmasked,
    /// A server's frame came with a mask (§5.1).
    #[error("a frame from the server is masked")]
    Masked,
    /// A reserved bit is set, and no extension was agreed on that would give it a meaning (§5.2).
    #[error("a reserved bit is set")]
    ReservedBit,
    /// The opcode is reserved (§5.2).
    #[error("the opcode {opcode} is reserved")]
    Opcode {
        /// The opcode, 0 to 15.
        opcode: u8,
    },
    /// The length isn't written in the fewest bytes, or has its highest bit set (§5.2).
    #[error("a payload length is not written in the fewest bytes")]
    Length,
    /// A control frame is fragmented (§5.5).
    #[error("a control frame is fragmented")]
    ControlFragmented,
    /// A control frame announces more than 125 bytes (§5.5).
    #[error("a control frame announces {bytes} bytes, and 125 is the limit")]
    ControlTooLarge {
        /// What was announced.
        bytes: u64,
    },
    /// A continuation frame came without a message to continue (§5.4).
    #[error("a continuation frame continues nothing")]
    NothingToContinue,
    /// A message began before the one before it ended (§5.4).
    #[error("a message begins inside another")]
    MessageInMessage,
    /// Text, or the reason in a close frame, isn't UTF-8 (§8.1).
    #[error("text is not valid UTF-8")]
    Utf8,
    /// The body of a close frame is one byte long (§5.5.1).
    #[error("the body of a close frame is one byte long")]
    CloseBody,
    /// The status code in a close frame isn't one to be sent (§7.4).
    #[error("the close code {code} is not one to be sent")]
    CloseCode {
        /// The code.
        code: u16,
    },
    /// A binary message where text is spoken.
    #[error("a binary message where the subprotocol is text")]
    NotText,
    /// A text message where binary is spoken.
    #[error("a text message where the subprotocol is binary")]
    NotBinary,
    /// A message is, or will become, longer than [`Rules::message_bytes_max`].
    ///
    /// [`Rules::message_bytes_max`]: super::Rules::message_bytes_max
    #[error("a message of {bytes} bytes is over the limit of {limit}")]
    TooLarge {
        /// What was announced, with the fragments before.
        bytes: u64,
        /// What is allowed.
        limit: usize,
    },
}

impl ReadError {
    /// The status code for the close frame that answers it (RFC 6455 §7.4.1).
    pub fn close_code(&self) -> u16 {
        match self {
            Self::NotText | Self::NotBinary => 1003,
            Self::Utf8 => 1007,
            Self::TooLarge { .. } => 1009,
            _ => 1002,
        }
    }
}
