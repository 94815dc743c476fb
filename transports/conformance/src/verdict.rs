//! How a broken promise is told.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use tokio::time::sleep;

/// What a check came to: kept (or not promised by this transport), or broken.
pub type Verdict = Result<(), Broken>;

/// A transport broke a promise.
///
/// Its `Debug` is its `Display`, so that a failing test prints the sentence.
#[derive(Clone, PartialEq, Eq)]
pub struct Broken {
    /// The promise, as the function that checks it is called.
    pub promise: &'static str,
    /// What was seen instead.
    pub seen: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let promise = self.promise.replace('_', " ");
        write!(f, "the promise {promise:?} is broken: {}", self.seen)
    }
}

impl fmt::Debug for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Broken {}

/// A step of a check: its result, or what was seen instead.
pub(crate) type Seen<T> = Result<T, String>;

/// Gives what was seen the name of the promise that it breaks.
pub(crate) async fn judge(promise: &'static str, check: impl Future<Output = Seen<()>>) -> Verdict {
    Box::pin(check).await.map_err(|seen| Broken { promise, seen })
}

/// Waits for `future` for at most `patience`; `what` completes the sentence "waited … for".
///
/// The time is looked at first: a future that is ready only when it is polled for the time's sake
/// was never woken.
pub(crate) async fn within<T>(
    patience: Duration,
    what: impl fmt::Display,
    future: impl Future<Output = T>,
) -> Seen<T> {
    tokio::select! {
        biased;
        () = sleep(patience) => Err(format!("waited {patience:?} in vain for {what}")),
        value = future => Ok(value),
    }
}

/// Both results as one sentence: a wait in vain is clearer with what had come until then.
pub(crate) fn both(first: Seen<()>, second: Seen<()>) -> Seen<()> {
    match (first, second) {
        (Err(first), Err(second)) => Err(format!("{first}; {second}")),
        (first, second) => first.and(second),
    }
}

/// Returns early with the sentence unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($sentence:tt)+) => {
        if !$condition {
            return Err(format!($($sentence)+));
        }
    };
}
pub(crate) use ensure;
