//! The broker as a process of its own, and what it takes of the memory.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};

/// A broker in a process of its own. It ends when this is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    stdout: BufReader<ChildStdout>,
    /// Where it listens.
    pub url: String,
    /// What its certificate is known by, if it has one.
    pub fingerprint: Option<String>,
}

impl Process {
    /// Starts the program, to listen on any port for WebSocket connections, with these settings
    /// beside.
    ///
    /// # Errors
    /// If it doesn't start.
    pub fn start(program: &Path, settings: &[&str]) -> anyhow::Result<Self> {
        Self::listening(program, "ws", settings)
    }

    /// Starts the program, to listen on any port for connections of a scheme.
    ///
    /// # Errors
    /// If it doesn't start.
    pub fn listening(program: &Path, scheme: &str, settings: &[&str]) -> anyhow::Result<Self> {
        let mut command = Command::new(program);
        command.args(["--listen", &format!("{scheme}://127.0.0.1:0")]);
        for setting in settings {
            command.args(["--set", setting]);
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{} doesn't start", program.display()))?;
        let stdout = child.stdout.take().context("its output is piped")?;
        let (stdout, url) = (BufReader::new(stdout), String::new());
        let mut process = Self { child, stdout, url, fingerprint: None };
        process.read_greeting()?;
        Ok(process)
    }

    fn read_greeting(&mut self) -> anyhow::Result<()> {
        let mut line = String::new();
        while !line.starts_with("try: ") {
            line.clear();
            if self.stdout.read_line(&mut line)? == 0 {
                bail!("the broker ended before it was ready");
            }
            if let Some(url) = line.trim_end().strip_prefix("listening on ") {
                url.clone_into(&mut self.url);
            }
            if let Some((_, fingerprint)) = line.trim_end().split_once("fingerprint: ") {
                self.fingerprint = Some(fingerprint.to_owned());
            }
        }
        Ok(())
    }

    /// What of it lies in memory now, in bytes: `VmRSS`.
    ///
    /// # Errors
    /// If the system doesn't tell.
    pub fn resident_bytes(&self) -> anyhow::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        Ok(kib.context("the system tells no VmRSS")? << 10)
    }

    /// The processor time that it has used so far.
    ///
    /// # Errors
    /// If the system doesn't tell.
    pub fn cpu(&self) -> anyhow::Result<Duration> {
        cpu_of(self.child.id())
    }

    /// Asks it to stop in good order, and returns what it says then.
    ///
    /// # Errors
    /// If it can't be asked.
    pub fn stop(mut self) -> anyhow::Result<String> {
        Command::new("kill").args(["-INT", &self.child.id().to_string()]).status()?;
        let mut farewell = String::new();
        self.stdout.read_to_string(&mut farewell)?;
        self.child.wait()?;
        Ok(farewell.trim_end().to_owned())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended in good order before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The processor time that a process has used so far.
///
/// # Errors
/// If the system doesn't tell.
pub fn cpu_of(process: u32) -> anyhow::Result<Duration> {
    let tasks = fs::read_dir(format!("/proc/{process}/task"))?;
    let mut used = Duration::ZERO;
    for task in tasks {
        let times = fs::read_to_string(task?.path().join("schedstat"))?;
        let time = times.split(' ').next().and_then(|time| time.parse().ok());
        used += Duration::from_nanos(time.context("the system tells no times")?);
    }
    Ok(used)
}
