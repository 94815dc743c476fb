//! The stable codes of everything that can be refused, written once: name, number and meaning.
//!
//! In the json codec a code travels by its name, in bincode by its number. Neither ever changes.

use std::fmt;

/// Writes the enum and everything that has to agree with it from one table.
macro_rules! error_codes {
    ($($number:literal $name:literal $variant:ident $meaning:literal)*) => {
        /// Why a command was refused or a connection ended. Names and numbers are stable.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum ErrorCode {
            $(#[doc = $meaning] $variant,)*
        }

        impl ErrorCode {
            /// Every code, in the order of the numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable name, as in `invalid-topic`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The stable number, which the bincode codec sends.
            pub const fn number(self) -> u32 {
                match self { $(Self::$variant => $number,)* }
            }

            /// What the code means, in a sentence for people.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }

            /// The code of this name; [`ErrorCode::Unrecognised`] where there is none.
            pub fn from_name(name: &str) -> Self {
                match name { $($name => Self::$variant,)* _ => Self::Unrecognised }
            }

            /// The code of this number; [`ErrorCode::Unrecognised`] where there is none.
            pub const fn from_number(number: u32) -> Self {
                match number { $($number => Self::$variant,)* _ => Self::Unrecognised }
            }
        }
    };
}

error_codes! {
    0 "unrecognised" Unrecognised "A code that this end doesn't know; never sent on purpose."
    1 "closed" Closed "The client or the broker ends in good order."
    2 "malformed" Malformed "Bytes that aren't a frame."
    3 "unexpected" Unexpected "A frame that isn't allowed here, as a second `connect`."
    4 "unsupported-version" UnsupportedVersion "A major version that isn't spoken here."
    5 "unsupported" Unsupported "A frame that is known but not served by this broker."
    6 "handshake-timeout" HandshakeTimeout "The first frame didn't come in time."
    7 "idle-timeout" IdleTimeout "The peer was silent for too long."
    8 "frame-too-large" FrameTooLarge "A frame above the limit."
    9 "payload-too-large" PayloadTooLarge "A payload above the limit."
    10 "invalid-topic" InvalidTopic "A topic that breaks the rules for topics."
    11 "invalid-filter" InvalidFilter "A filter that breaks the rules for filters."
    12 "reserved-topic" ReservedTopic "A topic that belongs to the broker."
    13 "invalid-field" InvalidField "A name, key, header or other field that breaks its rules."
    14 "invalid-id" InvalidId "An id that is 0 or in use, or a publish id that doesn't grow."
    15 "unknown-subscription" UnknownSubscription "An unknown subscription."
    16 "unknown-lane" UnknownLane "A lane that doesn't exist."
    17 "lane-options" LaneOptions "The lane is open with other options, or no lane is free."
    18 "unknown-callback" UnknownCallback "An unknown callback token."
    19 "too-many-subscriptions" TooManySubscriptions "The limit of subscriptions in a session."
    20 "too-many-topics" TooManyTopics "The limit of topics, in the broker, of a pattern or of one session."
    21 "too-many-connections" TooManyConnections "The limit of connections to the broker."
    22 "too-many-commands" TooManyCommands "The limit of commands without an answer."
    23 "slow-consumer" SlowConsumer "The lane was at its bound, with overflow `disconnect`."
    24 "control-overrun" ControlOverrun "The control queue was at its bound."
    25 "no-such-client" NoSuchClient "No client of that name."
    26 "nobody-answers" NobodyAnswers "Nobody serves the request topic."
    27 "provider-gone" ProviderGone "The provider went away before it answered."
    28 "busy" Busy "The provider, or the client sent to, has no room."
    29 "timed-out" TimedOut "The answer didn't come in time."
    30 "cancelled" Cancelled "The asker gave up."
    31 "shutting-down" ShuttingDown "The broker shuts down."
    32 "internal" Internal "A fault of the broker's own."
    33 "too-many-frames" TooManyFrames "The limit of frames in a packet."
    34 "taken-over" TakenOver "Another connection goes on with the session."
    35 "answer-lost" AnswerLost "A repeated command's answer is no longer kept."
    36 "too-many-keys" TooManyKeys "The limit of retained values, of a topic or of the broker."
    37 "not-allowed" NotAllowed "The broker's configuration forbids it."
    38 "too-many-callbacks" TooManyCallbacks "The limit of callbacks that a session offers or holds."
    39 "unknown-method" UnknownMethod "A method that the callback doesn't have."
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
