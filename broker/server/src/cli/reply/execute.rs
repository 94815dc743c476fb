//! A command of the shell as provider.

use std::io;
use std::process::Stdio;

use client_sdk::{Refusal, Request};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

use super::super::payload::PAYLOAD_BYTES_MAX;

/// Runs the command with the request as its input, and takes what it prints.
///
/// # Errors
/// If it can't be run, fails, or prints more than a message can carry.
///
/// # Cancel safety
/// Dropping the future kills the shell.
pub(super) async fn execute(command: &str, request: &Request) -> Result<Vec<u8>, Refusal> {
    let failed = |error: io::Error| {
        eprintln!("the command couldn't be run: {error}");
        Refusal::new("failed", "the command couldn't be run")
    };
    let mut child = spawn(command, request).map_err(failed)?;
    let printed = converse(&mut child, &request.body.payload).await.map_err(failed)?;
    if printed.len() as u64 > PAYLOAD_BYTES_MAX {
        return Err(Refusal::new("too-large", "the command printed more than a message can carry"));
    }
    let status = child.wait().await.map_err(failed)?;
    if !status.success() {
        return Err(Refusal::new("failed", format_args!("the command ended with {status}")));
    }
    Ok(printed)
}

fn spawn(command: &str, request: &Request) -> io::Result<Child> {
    Command::new("sh")
        .args(["-c", command])
        .env("BROKER_TOPIC", &*request.topic)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
}

/// Writes and reads at once: a command may print before it has read everything.
async fn converse(child: &mut Child, payload: &[u8]) -> io::Result<Vec<u8>> {
    let stdin = child.stdin.take();
    let stdout = child.stdout.take();
    let write = async {
        if let Some(mut stdin) = stdin {
            // A command that doesn't read its input is none the worse for it.
            let _ = stdin.write_all(payload).await;
        }
    };
    let read = async {
        let mut printed = Vec::new();
        if let Some(stdout) = stdout {
            stdout.take(PAYLOAD_BYTES_MAX + 1).read_to_end(&mut printed).await?;
        }
        io::Result::Ok(printed)
    };
    let ((), printed) = tokio::join!(write, read);
    printed
}
