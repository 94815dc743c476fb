//! What the server of a chat and its clients know of each other, and how they are started.

use client_sdk::Callback;
use client_sdk::interface::Caller;

use crate::Reach;
pub use crate::lost_and_back;

/// Somebody in the room, as the server sees them.
#[client_sdk::callback]
pub trait ChatCallback {
    /// Somebody says something to all.
    fn said(&self, who: String, text: String);

    /// Somebody says something to you alone.
    fn whispered(&self, who: String, text: String);

    /// Somebody has come.
    fn came(&self, who: String);

    /// Somebody is gone, and why. Who is slow is told the newest of each.
    #[keep(latest, key = who)]
    fn went(&self, who: String, why: String);

    /// A question to be answered with yes or no.
    #[timeout("30s")]
    async fn confirm(&self, question: String) -> bool;
}

/// The room, as those in it see it.
#[client_sdk::service]
pub trait ChatService {
    /// Comes in, under the client's own name, and says who is there.
    async fn join(&self, callback: Callback<dyn ChatCallback>) -> Result<Vec<String>, JoinError>;

    /// Says something to all.
    async fn say(&self, text: String);

    /// Says something to one. Returns whether they are there.
    async fn whisper(&self, to: String, text: String) -> bool;

    /// Asks all others, and returns how many said yes, of how many.
    #[timeout("40s")]
    async fn poll(&self, question: String) -> (usize, usize);
}

/// Why one may not come in.
#[client_sdk::data]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JoinError {
    /// Somebody of that name is there.
    AlreadyThere,
    /// The callback was over before it was there.
    Gone,
}

/// The name of the client that calls. Several may have the same: a room has the first of them.
pub fn caller() -> String {
    let name = Caller::current().and_then(|caller| caller.name);
    name.map_or_else(|| "somebody".to_owned(), |name| name.to_string())
}

/// Chats in a room. `/msg NAME TEXT` speaks to one, `/poll QUESTION` asks all, `/quit` leaves.
#[derive(Debug, clap::Parser)]
pub struct Arguments {
    /// The name by which the others know you: one word.
    #[arg(long)]
    pub name: String,
    /// The room: one word.
    #[arg(long, default_value = "lobby")]
    pub room: String,
    /// Where the broker is.
    #[command(flatten)]
    pub reach: Reach,
}

/// Serves a room: everybody in it hears everybody.
#[derive(Debug, clap::Parser)]
pub struct ServerArguments {
    /// The room: one word.
    #[arg(long, default_value = "lobby")]
    pub room: String,
    /// Where the broker is.
    #[command(flatten)]
    pub reach: Reach,
}
