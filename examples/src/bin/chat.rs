//! A chat for terminals: what you type is said to all. `/msg NAME TEXT`, `/poll QUESTION`, `/quit`.
//!
//! ```sh
//! cargo run --release -p broker-examples --bin chat -- --name alice
//! ```

use std::sync::{Arc, Mutex};

use broker_examples::chat::{Arguments, ChatCallback, ChatService, lost_and_back};
use clap::Parser;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::sync::oneshot;

/// Shows what happens in the room.
#[derive(Clone, Default)]
struct Screen {
    own_name: String,
    question: Arc<Mutex<Option<oneshot::Sender<bool>>>>,
}

#[client_sdk::callback]
impl ChatCallback for Screen {
    fn said(&self, who: String, text: String) {
        if who != self.own_name {
            println!("<{who}> {text}");
        }
    }

    fn whispered(&self, who: String, text: String) {
        println!("[{who}] {text}");
    }

    fn came(&self, who: String) {
        println!("* {who} is here");
    }

    fn went(&self, who: String, why: String) {
        println!("* {who} has left ({why})");
    }

    async fn confirm(&self, question: String) -> bool {
        let (answer, answered) = oneshot::channel();
        *self.question.lock().expect("nothing panics here") = Some(answer);
        println!("? {question} (yes or no)");
        answered.await.unwrap_or(false)
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Arguments { name, room, reach } = Arguments::parse();
    let link_changed = lost_and_back(|news| println!("* {news}"));
    let client = reach.client().name(&name).on_state(link_changed).connect().await?;
    let chat = client.resolve::<dyn ChatService>(&format!("chat.{room}")).await?;
    let screen = Screen { own_name: name, ..Screen::default() };
    let offered = client.offer(screen.clone()).await?;
    let here = chat.join(offered.callback()).await?;
    println!("* you are in {room} with {here:?}; /msg NAME TEXT, /poll QUESTION, /quit");
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let question = screen.question.lock().expect("nothing panics here").take();
        match (question, line.split_once(' ').unwrap_or((&line, ""))) {
            (Some(question), (word, _)) => _ = question.send(word.starts_with('y')),
            (_, ("/quit", _)) => break,
            (_, ("/msg", rest)) => {
                let (to, text) = rest.split_once(' ').unwrap_or((rest, ""));
                let is_here = chat.whisper(to.to_owned(), text.to_owned()).await?;
                println!("* {to} {}", if is_here { "is told" } else { "isn't here" });
            }
            (_, ("/poll", question)) => {
                let (yes, all) = chat.poll(question.to_owned()).await?;
                println!("* {yes} of {all} said yes");
            }
            _ => chat.say(line).await?,
        }
    }
    client.close().await;
    Ok(())
}
