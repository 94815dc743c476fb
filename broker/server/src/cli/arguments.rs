//! What may stand on the command line.

mod bench;
mod client;
mod commands;
mod examples;
mod server;
mod sessions;
mod topics;

use clap::{Parser, Subcommand};

pub(crate) use bench::{Bench, Overflow};
pub(crate) use client::{Codec, Connection, Content, Format, Output};
pub(crate) use commands::{Publish, Replay, Reply, Request, Send, Subscribe, WhenBehind};
pub(crate) use server::{Check, ServerSettings, Show};
pub(crate) use sessions::{Sessions, Sort};
pub(crate) use topics::{TopicSort, Topics};

/// A broker for live messages, and small clients for the shell.
///
/// Without a command it serves: by default on port 7400 of the loopback address, WebSocket on TCP
/// and QUIC on UDP.
#[derive(Debug, Parser)]
#[command(name = "broker", version, args_conflicts_with_subcommands = true)]
#[command(after_help = examples::BROKER, after_long_help = examples::with_exit_codes(examples::BROKER))]
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
    /// Show who is connected and who is behind, the slowest first.
    Sessions(Sessions),
    /// Show what is published where and to how many, the busiest topics first.
    Topics(Topics),
    /// Put a broker under load, and measure what becomes of it.
    Bench(Bench),
}
