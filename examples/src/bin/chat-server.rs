//! The server of a chat: keeps who is there, and calls them.
//!
//! ```sh
//! cargo run --release -p broker-examples --bin chat-server
//! ```

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use broker_examples::chat::{ChatCallback, ChatService, JoinError, ServerArguments, caller};
use clap::Parser;
use client_sdk::{Callback, CallbackSet};
use tokio::task::JoinSet;

#[derive(Clone)]
struct Room {
    all: CallbackSet<dyn ChatCallback>,
    by_name: Arc<Mutex<HashMap<String, Callback<dyn ChatCallback>>>>,
}

#[client_sdk::service]
impl ChatService for Room {
    async fn join(&self, callback: Callback<dyn ChatCallback>) -> Result<Vec<String>, JoinError> {
        let name = caller();
        let here: Vec<String> = {
            let mut by_name = self.by_name.lock().expect("nothing panics here");
            if by_name.contains_key(&name) {
                return Err(JoinError::AlreadyThere);
            }
            let here = by_name.keys().cloned().collect();
            by_name.insert(name.clone(), callback.clone());
            here
        };
        self.all.came(name.clone());
        self.all.attach(&callback).await.map_err(|_| JoinError::Gone)?;
        let room = self.clone();
        callback.on_released(move |why| {
            room.by_name.lock().expect("nothing panics here").remove(&name);
            room.all.went(name, why.to_string());
        });
        Ok(here)
    }

    async fn say(&self, text: String) {
        self.all.said(caller(), text);
    }

    async fn whisper(&self, to: String, text: String) -> bool {
        let one = self.by_name.lock().expect("nothing panics here").get(&to).cloned();
        one.is_some_and(|one| one.whispered(caller(), text).is_queued())
    }

    async fn poll(&self, question: String) -> (usize, usize) {
        let all = self.by_name.lock().expect("nothing panics here").clone();
        let mut asked = JoinSet::new();
        for (_, one) in all.into_iter().filter(|(name, _)| *name != caller()) {
            let question = question.clone();
            asked.spawn(async move { one.confirm(question).await });
        }
        let answers = asked.join_all().await;
        (answers.iter().filter(|answer| **answer == Ok(true)).count(), answers.len())
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let ServerArguments { room, reach } = ServerArguments::parse();
    let client = reach.client().name(format!("chat-server-{room}")).connect().await?;
    let name = format!("chat.{room}");
    let served = Room { all: client.callback_set(&name), by_name: Arc::default() };
    let _serving = client.serve(&name, served).await?;
    println!("{room} is open; stop it with Ctrl-C");
    tokio::signal::ctrl_c().await?;
    client.close().await;
    Ok(())
}
