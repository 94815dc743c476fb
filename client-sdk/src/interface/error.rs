//! What can go wrong with a call.

use std::convert::Infallible;
use std::fmt;
use std::time::Duration;

use broker_protocol::ErrorCode;

use super::fault::code;
use crate::{ClosedReason, RequestError};

/// Why a call has no answer.
///
/// `E` is the error type of the method's own `Result`; of a method that returns no `Result` there is
/// no such error.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallError<E = Infallible> {
    /// The method's own error: the call was carried out, and this is what it said.
    Application(E),
    /// Nobody serves the name.
    NotServed,
    /// The callback is over: its client let go of it, left, or was lost.
    Released,
    /// The far end's interface has no such method.
    UnknownMethod {
        /// What it said, for people.
        message: String,
    },
    /// The far end's method has other arguments, or returns something else.
    VersionMismatch {
        /// What it said, for people.
        message: String,
    },
    /// The far end couldn't read the arguments.
    BadArguments {
        /// What it said, for people.
        message: String,
    },
    /// The answer couldn't be read here.
    BadAnswer {
        /// Why, for people.
        message: String,
    },
    /// No answer came in this time. The far end was told to stop.
    TimedOut(Duration),
    /// The far end, or its lane, has no room for another call.
    Busy {
        /// What it said, for people.
        message: String,
    },
    /// The far end went away before it answered.
    Gone,
    /// The far end gave no answer: its method panicked, or it failed otherwise.
    Failed {
        /// Its code, for programs.
        code: String,
        /// What it said, for people.
        message: String,
    },
    /// The arguments are larger than the broker allows, or can't be written.
    TooLarge {
        /// Their size, in bytes.
        bytes: usize,
        /// The limit, in bytes.
        limit: u64,
    },
    /// The arguments can't be written.
    Unwritable {
        /// Why, for people.
        message: String,
    },
    /// There is no room in the outgoing queue; wait for it by awaiting the call.
    Full,
    /// The broker refused.
    Refused {
        /// Why, for programs.
        code: ErrorCode,
        /// Why, for people.
        message: String,
    },
    /// The session was lost meanwhile: nobody knows whether the call was carried out.
    Disconnected,
    /// The client is closed.
    Closed(ClosedReason),
}

impl CallError {
    /// The same for a method with an error of its own.
    pub fn widen<E>(self) -> CallError<E> {
        match self {
            Self::Application(never) => match never {},
            Self::NotServed => CallError::NotServed,
            Self::Released => CallError::Released,
            Self::UnknownMethod { message } => CallError::UnknownMethod { message },
            Self::VersionMismatch { message } => CallError::VersionMismatch { message },
            Self::BadArguments { message } => CallError::BadArguments { message },
            Self::BadAnswer { message } => CallError::BadAnswer { message },
            Self::TimedOut(time) => CallError::TimedOut(time),
            Self::Busy { message } => CallError::Busy { message },
            Self::Gone => CallError::Gone,
            Self::Failed { code, message } => CallError::Failed { code, message },
            Self::TooLarge { bytes, limit } => CallError::TooLarge { bytes, limit },
            Self::Unwritable { message } => CallError::Unwritable { message },
            Self::Full => CallError::Full,
            Self::Refused { code, message } => CallError::Refused { code, message },
            Self::Disconnected => CallError::Disconnected,
            Self::Closed(reason) => CallError::Closed(reason),
        }
    }

    /// What became of the request that carried the call.
    pub(super) fn of(error: RequestError) -> Self {
        match error {
            RequestError::NobodyAnswers => Self::NotServed,
            RequestError::Busy { message } => Self::Busy { message },
            RequestError::TimedOut(time) => Self::TimedOut(time),
            RequestError::ProviderGone => Self::Gone,
            RequestError::Disconnected => Self::Disconnected,
            RequestError::Closed(reason) => Self::Closed(reason),
            RequestError::TooLarge { bytes, limit } => Self::TooLarge { bytes, limit },
            RequestError::Failed { code, message } => Self::failed(code, message),
            RequestError::Refused { code, message } => match code {
                ErrorCode::UnknownCallback => Self::Released,
                _ => Self::Refused { code, message },
            },
            RequestError::InvalidTopic { reason, .. } => {
                Self::Refused { code: ErrorCode::InvalidTopic, message: reason }
            }
        }
    }

    fn failed(code: String, message: String) -> Self {
        match code.as_str() {
            code::UNKNOWN_METHOD => Self::UnknownMethod { message },
            code::VERSION_MISMATCH => Self::VersionMismatch { message },
            code::BAD_ARGUMENTS => Self::BadArguments { message },
            _ => Self::Failed { code, message },
        }
    }
}

impl<E: fmt::Debug> fmt::Display for CallError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Application(error) => write!(f, "{error:?}"),
            Self::NotServed => f.write_str("nobody serves this name; is the service running?"),
            Self::Released => f.write_str("the callback is over"),
            Self::UnknownMethod { message }
            | Self::VersionMismatch { message }
            | Self::BadArguments { message }
            | Self::BadAnswer { message } => f.write_str(message),
            Self::TimedOut(time) => write!(f, "no answer within {time:?}"),
            Self::Busy { message } => write!(f, "busy: {message}"),
            Self::Gone => f.write_str("the far end went away before it answered"),
            Self::Failed { code, message } => write!(f, "{message} ({code})"),
            Self::TooLarge { bytes, limit } => {
                write!(f, "the arguments have {bytes} bytes, and {limit} are allowed")
            }
            Self::Unwritable { message } => write!(f, "the arguments can't be written: {message}"),
            Self::Full => {
                f.write_str("the outgoing queue is full; await the call to wait for room")
            }
            Self::Refused { code, message } => {
                write!(f, "refused by the broker: {message} ({code})")
            }
            Self::Disconnected => {
                f.write_str("the session was lost; whether the call was carried out is unknown")
            }
            Self::Closed(reason) => write!(f, "the client is closed: {reason}"),
        }
    }
}

impl<E: fmt::Debug> std::error::Error for CallError<E> {}

/// Why there is no handle to a service.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// Nobody serves the name.
    #[error("nobody serves {name:?}; is the service running?")]
    NotServed {
        /// The name.
        name: String,
    },
    /// What is served under the name says of itself that it is another interface.
    #[error("{name:?} is {found}, not {expected}")]
    OtherInterface {
        /// The name.
        name: String,
        /// The interface that was asked for.
        expected: String,
        /// The one that is served.
        found: String,
    },
    /// Methods are missing there, or have other arguments or results.
    #[error(
        "{name:?} is another version: {}; build both ends from one definition",
        .differences.join("; ")
    )]
    VersionMismatch {
        /// The name.
        name: String,
        /// Method by method, for people.
        differences: Vec<String>,
    },
    /// The service couldn't be asked.
    #[error(transparent)]
    Call(#[from] CallError),
}
