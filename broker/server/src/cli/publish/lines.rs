//! Every line of standard input as a message, as soon as it is there.

use std::io::{self, BufRead, Read};
use std::thread;

use client_sdk::Client;
use tokio::sync::mpsc;

use super::super::arguments::Publish;
use super::super::client::{self, WhenLost, interruptible};
use super::super::outcome::{Failure, Outcome};
use super::super::payload::{self, PAYLOAD_BYTES_MAX};
use super::{failure, publication, with_key};

/// Lines that were read and wait to be published.
const LINES_WAITING_MAX: usize = 64;

type Lines = mpsc::Receiver<io::Result<Vec<u8>>>;

/// Publishes until standard input ends.
pub(super) fn publish(arguments: &Publish) -> Result<Outcome, Failure> {
    client::run(&arguments.connection, WhenLost::Fail, async |client, signals| {
        interruptible(signals, publish_all(client, arguments, read_lines())).await
    })
}

/// While more lines wait, a message goes out without being waited for; the last for now is
/// acknowledged, and with it all that went before.
async fn publish_all(
    client: &Client,
    arguments: &Publish,
    mut lines: Lines,
) -> Result<Outcome, Failure> {
    let mut next = lines.recv().await;
    while let Some(line) = next {
        let line = line.map_err(|error| payload::unreadable(&error))?;
        let body = with_key(payload::body(line, arguments.content)?, arguments);
        next = lines.try_recv().ok();
        let publication = publication(client, arguments, body);
        let published = match next {
            Some(_) => publication.publish().await,
            None => publication.publish_acked().await,
        };
        published.map_err(|error| failure(&arguments.topic, &error))?;
        if next.is_none() {
            next = lines.recv().await;
        }
    }
    Ok(Outcome::Done)
}

/// Reads in a thread of its own: it may block for ever, and nobody waits for it then.
fn read_lines() -> Lines {
    let (sender, lines) = mpsc::channel(LINES_WAITING_MAX);
    thread::spawn(move || {
        let mut input = io::stdin().lock();
        while let Some(line) = read_line(&mut input).transpose() {
            let failed = line.is_err();
            if sender.blocking_send(line).is_err() || failed {
                return;
            }
        }
    });
    lines
}

/// The next line without its end; `None` after the last.
fn read_line(input: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    if input.take(PAYLOAD_BYTES_MAX + 1).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
    } else if line.len() as u64 > PAYLOAD_BYTES_MAX {
        return Err(io::Error::other("a line is longer than any message can be, 16 MiB"));
    }
    Ok(Some(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_without_their_ends_and_the_last_needs_none() {
        let mut input = &b"a\n\nb\r\nc"[..];
        let mut lines = Vec::new();
        while let Some(line) = read_line(&mut input).unwrap() {
            lines.push(line);
        }
        assert_eq!(lines, [&b"a"[..], b"", b"b", b"c"]);
    }

    #[test]
    fn a_line_that_no_message_can_carry_is_an_error() {
        let longest = vec![b'x'; PAYLOAD_BYTES_MAX as usize];
        assert_eq!(read_line(&mut &longest[..]).unwrap(), Some(longest.clone()));
        assert!(read_line(&mut &[&longest[..], b"x"].concat()[..]).is_err());
    }
}
