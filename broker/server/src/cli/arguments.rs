//! What may stand on the command line.

mod client;
mod server;

use clap::{Parser, Subcommand};

pub(crate) use client::{
    Codec, Connection, Content, Format, Output, Publish, Reply, Request, Send, Subscribe,
    WhenBehind,
};
pub(crate) use server::{Check, ServerSettings, Show};

use super::outcome::EXIT_CODES;

/// A broker for live messages, and small clients for the shell.
///
/// Without a command it serves: by default on port 7400 of the loopback address, WebSocket on TCP
/// and QUIC on UDP.
#[derive(Debug, Parser)]
#[command(name = "broker", version, args_conflicts_with_subcommands = true)]
#[command(after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
pub(crate) struct Arguments {
    /// What to do; without it, serve.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) server: ServerSettings,
}

/// What to do besides serving.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check a configuration without starting anything.
    Check(Check),
    /// Show the configuration that is in force.
    Config(Show),
    /// Subscribe to topics and print what comes.
    Sub(Subscribe),
    /// Publish messages to a topic.
    Pub(Publish),
    /// Ask whoever serves a topic, and print the answer.
    Request(Request),
    /// Serve a topic: answer requests.
    Reply(Reply),
    /// Send a message to one client by its name.
    Send(Send),
}

const EXAMPLES: &str = "\
Examples:
  broker                                        serve with the built-in defaults
  broker --config config.toml                   serve as the file says
  broker --listen ws://0.0.0.0:7400             serve one address only
  broker sub 'market.>'                         print all that is published under market
  broker pub market.btc '{\"price\": 42}'         publish one message
  journalctl -f | broker pub logs.host1 --lines publish every line
  broker request time.now                       ask, and print the answer";
