//! Documents that the broker keeps: who joins, and who was behind, has them as the patches left them.

#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use std::collections::{BTreeMap, BTreeSet};

use broker::Builder;
use broker::config::{Config, Keep, Pattern};
use broker_core::Retention;
use broker_delivery::fold::apply;
use broker_protocol::Codec::{Bincode, Json};
use broker_protocol::frame::{
    BrokerFrame, ClientFrame, Content, GapReason, LaneOptions, Publish, Replay, Subscribe,
};
use broker_tests::{Client, Heard, Transport};
use bytes::BytesMut;

broker_tests::over_every_transport!(
    who_joins_and_who_was_behind_has_the_documents_as_the_patches_left_them,
);

const DOCUMENTS: u64 = 50;
const ROUNDS: u64 = 200;
const PUBLISHED: u64 = DOCUMENTS * ROUNDS;

/// A broker that keeps documents, and whose lanes for them merge by themselves.
fn builder() -> Builder {
    let mut pattern = Pattern::new("docs.>");
    pattern.keep = Some(Keep::Merge);
    pattern.retain = Some(Retention::Merged);
    let mut config = Config::default();
    config.patterns = vec![pattern];
    config.listen.clear();
    Builder::configured(&config).unwrap().builder.shards(2)
}

/// What changes in a round: members come and go, and are objects at times.
fn patch(round: u64) -> String {
    let filling = "x".repeat(900);
    match round % 4 {
        0 => format!(r#"{{"m{}":{{"round":{round}}},"filling":"{filling}"}}"#, round % 12),
        1 => format!(r#"{{"m{}":null,"round":{round},"filling":"{filling}"}}"#, (round - 1) % 12),
        2 => format!(r#"{{"m{}":{round},"filling":"{filling}"}}"#, round % 12),
        _ => format!(r#"{{"m{}":{{"deep":{round}}},"filling":null}}"#, (round - 1) % 12),
    }
}

/// What all patches make of a document.
fn document() -> Vec<u8> {
    (0..ROUNDS).fold(Vec::new(), |done, round| apply(&done, patch(round).as_bytes()).unwrap())
}

async fn who_joins_and_who_was_behind_has_the_documents_as_the_patches_left_them(over: Transport) {
    for codec in [Bincode, Json] {
        let setting = over.start_with(builder()).await.unwrap();
        let mut publisher = Client::connect(&setting.place, Bincode, "publisher").await;
        let mut stalled = Client::connect(&setting.place, codec, "stalled").await;
        // Fewer than there are documents.
        let options = LaneOptions { bound_messages: Some(10), ..LaneOptions::default() };
        subscribe(&mut stalled, Replay::None, options).await;
        for round in 0..ROUNDS {
            publish(&mut publisher, &patch(round)).await;
        }
        let mut viewer = Viewer::default();
        viewer.read_until(&mut stalled, |one| one.accounted == PUBLISHED && one.is_whole).await;
        assert!(viewer.dropped > PUBLISHED / 2, "{}", viewer.dropped);
        viewer.check();
        let mut joining = Client::connect(&setting.place, codec, "joining").await;
        subscribe(&mut joining, Replay::Last, LaneOptions::default()).await;
        let mut viewer = Viewer::default();
        viewer.read_until(&mut joining, |viewer| viewer.is_whole).await;
        assert_eq!(viewer.accounted, 0, "everything that came was whole");
        viewer.check();
    }
}

async fn subscribe(client: &mut Client, replay: Replay, options: LaneOptions) {
    let (id, filter, options) = (client.next_id(), "docs.>".to_owned(), Some(options));
    let wish = Subscribe { id, filter, options, replay, ..Subscribe::default() };
    client.ask(id, &ClientFrame::Subscribe(wish)).await.unwrap();
}

/// Publishes a patch of each document, and waits until they are taken.
async fn publish(client: &mut Client, patch: &str) {
    let (id, mut packet) = (client.next_id(), BytesMut::new());
    for number in 0..DOCUMENTS {
        let (id, topic) = ((number + 1 == DOCUMENTS).then_some(id), format!("docs.{number}"));
        let mut publish = Publish { id, retain: true, ..Publish::bytes(&topic, patch.as_bytes()) };
        publish.body.content = Content::Json;
        client.bare().codec().write_client(&ClientFrame::Publish(publish), &mut packet);
    }
    client.send_bytes(&packet).await;
    client.answer_to(id).await.unwrap();
}

/// A client that takes what is replayed as it is and applies the rest.
#[derive(Debug, Default)]
struct Viewer {
    documents: BTreeMap<String, Vec<u8>>,
    /// Those of which something came since the last message was dropped.
    fresh: BTreeSet<String>,
    is_whole: bool,
    /// How many messages came as they were published, or were told to be missing.
    accounted: u64,
    dropped: u64,
}

impl Viewer {
    async fn read_until(&mut self, client: &mut Client, enough: impl Fn(&Self) -> bool) {
        while !enough(self) {
            let heard = client.wait_for("what a viewer is told", told).await;
            self.take(heard);
        }
    }

    fn take(&mut self, heard: Heard) {
        match heard.frame {
            BrokerFrame::Message(message) => {
                let topic = message.topic.into_owned();
                let is_whole = heard.header.subscription.is_some();
                self.accounted += u64::from(!is_whole);
                let held = self.documents.remove(&topic).filter(|_| self.fresh.contains(&topic));
                let document = match is_whole {
                    true => message.body.payload.into_owned(),
                    false => apply(&held.unwrap_or_default(), &message.body.payload).unwrap(),
                };
                self.fresh.insert(topic.clone());
                self.documents.insert(topic, document);
            }
            BrokerFrame::Gap(gap) => {
                self.accounted += gap.count;
                if gap.reason == GapReason::Dropped {
                    self.dropped += gap.count;
                    self.fresh.clear();
                    self.is_whole = false;
                }
            }
            BrokerFrame::CaughtUp(_) => self.is_whole = true,
            other => panic!("{other:?}"),
        }
    }

    fn check(&self) {
        let read = |document: &[u8]| serde_json::from_slice::<serde_json::Value>(document).unwrap();
        let expected = read(&document());
        assert_eq!(self.documents.len() as u64, DOCUMENTS);
        for (topic, document) in &self.documents {
            assert_eq!(read(document), expected, "{topic}");
        }
    }
}

fn told(heard: &Heard) -> Option<Heard> {
    let wanted = matches!(
        &heard.frame,
        BrokerFrame::Message(_) | BrokerFrame::Gap(_) | BrokerFrame::CaughtUp(_)
    );
    wanted.then(|| heard.clone())
}
