//! Standard output: data only, and no fuss when nobody reads it any more.

use std::io::{self, Write};

use super::outcome::{Failure, Outcome};

/// Prints a whole text.
pub(crate) fn print(text: &str) -> Result<Outcome, Failure> {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    written.map_or_else(|error| ended(&error), |()| Ok(Outcome::Done))
}

/// What it means that standard output refuses more: a reader that has enough is a good end.
pub(crate) fn ended(error: &io::Error) -> Result<Outcome, Failure> {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Ok(Outcome::Done);
    }
    Err(Outcome::Failed.because(format_args!("standard output can't be written: {error}")))
}
