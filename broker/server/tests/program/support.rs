//! Runs the program and looks at what it says.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStderr, ChildStdout, Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;

/// How a run of the program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it prints UTF-8");
        let Output { status, stdout, stderr } = output;
        Self { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
    }
}

/// The program with these arguments, in an environment that sets nothing.
pub(crate) fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_broker"));
    let set = std::env::vars_os().map(|(name, _)| name);
    for name in set.filter(|name| name.to_string_lossy().starts_with("BROKER_")) {
        command.env_remove(name);
    }
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs it to its end.
pub(crate) fn run(arguments: &[&str]) -> Ended {
    run_with_environment(arguments, &[])
}

/// Runs it to its end with these variables.
pub(crate) fn run_with_environment(arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
    let mut command = program(arguments);
    command.envs(variables.iter().copied()).output().expect("the program runs").into()
}

/// A broker of its own for one test. It ends with the test.
pub(crate) struct Broker {
    child: Child,
    stdout: BufReader<ChildStdout>,
    stderr: Receiver<String>,
    /// What it said until it was ready.
    pub(crate) greeting: String,
}

impl Broker {
    /// Starts it and waits until it is ready, which is when it says what to try.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut child = program(arguments).spawn().expect("the program starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        let stderr = lines(child.stderr.take().expect("it is piped"));
        let mut greeting = String::new();
        while !greeting.contains("try: ") {
            let read = stdout.read_line(&mut greeting).expect("it prints UTF-8");
            assert!(read > 0, "it ended: {greeting}{}", stderr.iter().collect::<String>());
        }
        Self { child, stdout, stderr, greeting }
    }

    /// Where it listens with this scheme.
    pub(crate) fn url(&self, scheme: &str) -> &str {
        let listening = self.greeting.lines().filter_map(|line| line.strip_prefix("listening on "));
        let mut of_scheme = listening.filter(|url| url.starts_with(&format!("{scheme}:")));
        of_scheme.next().expect("it listens with this scheme")
    }

    /// The fingerprint of its certificate.
    pub(crate) fn fingerprint(&self) -> &str {
        self.line("development certificate, SHA-256 fingerprint: ")
    }

    /// What follows the beginning of a line.
    fn line(&self, beginning: &str) -> &str {
        let mut lines = self.greeting.lines().filter_map(|line| line.strip_prefix(beginning));
        lines.next().unwrap_or_else(|| panic!("no {beginning:?} in {}", self.greeting))
    }

    /// Sends it a signal and waits for its end.
    pub(crate) fn signal_and_wait(self, name: &str) -> Ended {
        signal(&self.child, name);
        self.wait(String::new())
    }

    /// Sends it a signal, a second one once it has said these words, and waits for its end.
    pub(crate) fn signal_twice_and_wait(self, name: &str, words: &str) -> Ended {
        signal(&self.child, name);
        let mut said = String::new();
        while !said.contains(words) {
            said += &self.stderr.recv().unwrap_or_else(|_| panic!("it ended: {said}"));
        }
        signal(&self.child, name);
        self.wait(said)
    }

    fn wait(mut self, mut said: String) -> Ended {
        let status = self.child.wait().expect("it can be waited for");
        let mut stdout = String::new();
        self.stdout.read_to_string(&mut stdout).expect("it prints UTF-8");
        said.extend(self.stderr.iter());
        Ended { code: status.code(), stdout, stderr: said }
    }
}

/// Reads lines in a thread, so that nobody waits for room in the pipe.
fn lines(from: ChildStderr) -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            if sender.send(line + "\n").is_err() {
                return;
            }
        }
    });
    lines
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal by its name.
pub(crate) fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args(["-s", name, &child.id().to_string()]).status();
    assert!(sent.expect("there is a kill").success(), "SIG{name} wasn't sent");
}

/// Runs it to its end with this input.
pub(crate) fn run_with_input(arguments: &[&str], input: &[u8]) -> Ended {
    let mut child = program(arguments).stdin(Stdio::piped()).spawn().expect("the program starts");
    let mut stdin = child.stdin.take().expect("it is piped");
    // A program that ends early leaves the rest unread.
    let _ = stdin.write_all(input);
    drop(stdin);
    child.wait_with_output().expect("it can be waited for").into()
}

/// A command that goes on until it has enough, or is told to end.
pub(crate) struct Running {
    child: Child,
    stderr: BufReader<ChildStderr>,
}

impl Running {
    /// Starts it and waits until it says so on standard error.
    pub(crate) fn start(arguments: &[&str], ready: &str) -> Self {
        let mut child = program(arguments).spawn().expect("the program starts");
        let stderr = BufReader::new(child.stderr.take().expect("it is piped"));
        let mut running = Self { child, stderr };
        running.wait_until_said(ready);
        running
    }

    /// Waits until standard error has a line with these words.
    pub(crate) fn wait_until_said(&mut self, words: &str) {
        let mut said = String::new();
        while !said.contains(words) {
            let read = self.stderr.read_line(&mut said).expect("it prints UTF-8");
            assert!(read > 0, "it ended without {words:?}: {said}");
        }
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, name: &str) {
        signal(&self.child, name);
    }

    /// Takes its standard output away: whoever holds it reads it, or drops it.
    pub(crate) fn take_stdout(&mut self) -> ChildStdout {
        self.child.stdout.take().expect("it is taken once")
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self) -> Ended {
        let mut said = String::new();
        let stdout = self.child.stdout.take();
        let mut printed = String::new();
        if let Some(mut stdout) = stdout {
            stdout.read_to_string(&mut printed).expect("it prints UTF-8");
        }
        self.stderr.read_to_string(&mut said).expect("it prints UTF-8");
        let status = self.child.wait().expect("it can be waited for");
        Ended { code: status.code(), stdout: printed, stderr: said }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
