//! Standard output: data only, and no fuss when nobody reads it any more.

mod json;
mod text;

use std::io::{self, Write};

use client_sdk::{Body, Reply};

use super::arguments::{Format, Output};
use super::outcome::{Failure, Outcome};

/// A message, as the formats need it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shown<'a> {
    pub(crate) topic: &'a str,
    pub(crate) seq: u64,
    pub(crate) epoch: u64,
    /// Milliseconds since the Unix epoch, by the broker's clock.
    pub(crate) time: u64,
    pub(crate) from: Option<&'a str>,
    pub(crate) body: &'a Body,
    /// Whether it was retained, and is sent again.
    pub(crate) replayed: bool,
}

/// What a subscriber will never get.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ShownGap<'a> {
    pub(crate) topic: Option<&'a str>,
    pub(crate) epoch: Option<u64>,
    /// The first and the last that is missing.
    pub(crate) first_seq: Option<u64>,
    pub(crate) last_seq: Option<u64>,
    pub(crate) count: u64,
    pub(crate) reason: &'a str,
}

/// Writes messages to standard output, each whole and at once.
pub(crate) struct Printer {
    output: Output,
    line: Vec<u8>,
}

impl Printer {
    pub(crate) fn new(output: Output) -> Self {
        Self { output, line: Vec::new() }
    }

    /// Writes a message.
    ///
    /// # Errors
    /// When standard output refuses it; [`ended`] tells what that means.
    pub(crate) fn message(&mut self, message: &Shown<'_>) -> io::Result<()> {
        self.line.clear();
        match self.output.format {
            Format::Text => text::message(&mut self.line, message, self.output.timestamps),
            Format::Json => json::message(&mut self.line, message),
            Format::Raw => self.line.extend_from_slice(&message.body.payload),
        }
        self.flush()
    }

    /// Writes the answer to a request.
    ///
    /// # Errors
    /// When standard output refuses it.
    pub(crate) fn reply(&mut self, reply: &Reply) -> io::Result<()> {
        self.line.clear();
        match self.output.format {
            Format::Text => text::payload(&mut self.line, &reply.body.payload),
            Format::Json => json::reply(&mut self.line, reply),
            Format::Raw => self.line.extend_from_slice(&reply.body.payload),
        }
        self.flush()
    }

    /// Tells of a gap: as data among JSON lines, else on standard error.
    ///
    /// # Errors
    /// When standard output refuses it.
    pub(crate) fn gap(&mut self, gap: &ShownGap<'_>) -> io::Result<()> {
        if self.output.format != Format::Json {
            eprintln!("{}", text::gap(gap));
            return Ok(());
        }
        self.line.clear();
        json::gap(&mut self.line, gap);
        self.flush()
    }

    /// Tells that what is retained has come: as data among JSON lines, else on standard error.
    ///
    /// # Errors
    /// When standard output refuses it.
    pub(crate) fn caught_up(&mut self, filter: &str) -> io::Result<()> {
        if self.output.format != Format::Json {
            eprintln!("caught up with {filter}");
            return Ok(());
        }
        self.line.clear();
        json::caught_up(&mut self.line, filter);
        self.flush()
    }

    /// Tells who is subscribed: as data among JSON lines, else on standard error.
    ///
    /// # Errors
    /// When standard output refuses it.
    pub(crate) fn presence(&mut self, joined: &[String], left: &[String]) -> io::Result<()> {
        if self.output.format != Format::Json {
            text::presence(joined, left).iter().for_each(|line| eprintln!("{line}"));
            return Ok(());
        }
        self.line.clear();
        json::presence(&mut self.line, joined, left);
        self.flush()
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.output.format != Format::Raw || !self.output.no_newline {
            self.line.push(b'\n');
        }
        let mut stdout = io::stdout().lock();
        stdout.write_all(&self.line)?;
        stdout.flush()
    }
}

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

#[cfg(test)]
mod tests {
    use super::{Body, Shown};

    pub(super) fn shown(body: &Body) -> Shown<'_> {
        Shown {
            topic: "a.b",
            seq: 7,
            epoch: 8,
            time: 1_500,
            from: Some("bob"),
            body,
            replayed: false,
        }
    }
}
