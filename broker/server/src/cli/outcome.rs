//! How a command ended, for scripts.

use std::fmt::Display;
use std::process::ExitCode;

/// The exit codes, as `broker --help` lists them.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    failed, or was refused by the broker
  2    the command line or the configuration is wrong
  3    couldn't connect
  4    the time was up before what was waited for came
  5    nobody answers the request, or nobody has the name
  130  interrupted before it was done";

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// What was asked for is done.
    Done,
    /// It failed, or was refused.
    Failed,
    /// The command line or the configuration is wrong.
    Misused,
    /// No connection came to be.
    Unconnected,
    /// The time was up.
    TimedOut,
    /// Nobody serves the topic or has the name.
    NobodyAnswers,
    /// A signal came first.
    Interrupted,
}

impl Outcome {
    /// The number that scripts see.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Misused => 2,
            Self::Unconnected => 3,
            Self::TimedOut => 4,
            Self::NobodyAnswers => 5,
            Self::Interrupted => 130,
        }
    }

    /// The failure that ends with this outcome, and says why.
    pub(crate) fn because(self, message: impl Display) -> Failure {
        Failure { outcome: self, message: message.to_string() }
    }
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(outcome.code())
    }
}

/// A command that didn't do what it should, with a message that says what to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// What scripts see.
    pub(crate) outcome: Outcome,
    /// What people see.
    pub(crate) message: String,
}
