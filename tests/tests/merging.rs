//! Lanes that merge: however slow a client is, what it applies gives the document that all patches
//! give, and no message is unaccounted for.

#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use std::collections::BTreeMap;

use broker_delivery::fold::apply;
use broker_protocol::Codec::{self, Bincode, Json};
use broker_protocol::frame::{
    Body, ClientFrame, Content, GapReason, Keep, LaneOptions, Message, Publish, Subscribe,
};
use broker_tests::{Client, Place, Transport};
use bytes::BytesMut;

broker_tests::over_every_transport!(
    after_a_stall_the_patches_give_the_same_documents_and_the_books_balance,
    who_keeps_up_gets_every_patch,
);

/// How many are published: far more than any window, so that most of them wait.
const PATCHES: u64 = 10_000;
const DOCUMENTS: u64 = 10;
const MEMBERS: u64 = 20;

/// So many are published at a time.
const BATCH: u64 = 100;

/// One patch in so many removes a member and the next makes an object of it: these don't compose.
const BREAKS_EVERY: u64 = 1000;

/// A patch of one of the documents.
fn patch(number: u64) -> String {
    let member = number / DOCUMENTS % MEMBERS;
    let filling = "x".repeat(100);
    match number / DOCUMENTS % BREAKS_EVERY {
        500 => format!(r#"{{"{member}":null}}"#),
        501 => format!(r#"{{"{}":{{"deep":{number}}}}}"#, member - 1),
        _ => format!(r#"{{"{member}":{number},"filling":"{filling}"}}"#),
    }
}

fn topic(base: &str, number: u64) -> String {
    format!("{base}.{}", number % DOCUMENTS)
}

/// What all patches make of the documents.
fn documents(base: &str) -> BTreeMap<String, Vec<u8>> {
    let mut documents = BTreeMap::new();
    (0..PATCHES).for_each(|number| {
        change(&mut documents, &topic(base, number), patch(number).as_bytes());
    });
    documents
}

fn change(documents: &mut BTreeMap<String, Vec<u8>>, topic: &str, patch: &[u8]) {
    let document = documents.entry(topic.to_owned()).or_insert_with(|| b"{}".to_vec());
    *document = apply(document, patch).unwrap();
}

async fn after_a_stall_the_patches_give_the_same_documents_and_the_books_balance(over: Transport) {
    let setting = over.start().await.unwrap();
    for codec in [Bincode, Json] {
        let base = codec.name();
        let mut stalled = merging(&setting.place, codec, base).await;
        let mut publisher = Client::connect(&setting.place, Bincode, "publisher").await;
        for first in (0..PATCHES).step_by(BATCH as usize) {
            publish(&mut publisher, base, first..first + BATCH).await;
        }
        let (mut documents_got, mut accounted, mut received) = (BTreeMap::new(), 0, 0);
        while accounted < PATCHES {
            match stalled.message_or_gap().await {
                Ok(message) => {
                    change(&mut documents_got, &message.topic, &message.body.payload);
                    (accounted, received) = (accounted + 1, received + 1);
                }
                Err(gap) => {
                    assert_eq!(gap.reason, GapReason::Merged);
                    accounted += gap.count;
                }
            }
        }
        assert_eq!(accounted, PATCHES);
        assert!(received < PATCHES / 4, "{received} of {PATCHES} came");
        assert_same(&documents_got, &documents(base));
        stalled.expect_nothing_else(&format!("{base}.end")).await;
    }
    let summary = setting.running.shutdown().await.shards;
    assert!(summary.merged > PATCHES, "most were merged: {}", summary.merged);
    assert_eq!((summary.log_bytes, summary.survivors), (0, 0), "nothing is held any more");
}

/// The same documents, in whatever order their members stand.
fn assert_same(one: &BTreeMap<String, Vec<u8>>, two: &BTreeMap<String, Vec<u8>>) {
    let read = |documents: &BTreeMap<String, Vec<u8>>| -> Vec<(String, serde_json::Value)> {
        let read = |(topic, document): (&String, &Vec<u8>)| {
            (topic.clone(), serde_json::from_slice(document).unwrap())
        };
        documents.iter().map(read).collect()
    };
    assert_eq!(read(one), read(two));
}

async fn who_keeps_up_gets_every_patch(over: Transport) {
    let setting = over.start().await.unwrap();
    let mut reader = merging(&setting.place, Bincode, "all").await;
    let mut publisher = Client::connect(&setting.place, Bincode, "publisher").await;
    for first in (0..PATCHES).step_by(BATCH as usize) {
        publish(&mut publisher, "all", first..first + BATCH).await;
        for number in first..first + BATCH {
            let message: Message<'_> = reader.message_or_gap().await.expect("nothing is merged");
            assert_eq!(*message.body.payload, *patch(number).as_bytes());
        }
    }
}

/// A client that has subscribed to all below `base` and merges what waits.
async fn merging(place: &Place, codec: Codec, base: &str) -> Client {
    let mut client = Client::connect(place, codec, "merging").await;
    let options = Some(LaneOptions { keep: Some(Keep::Merge), ..LaneOptions::default() });
    let (filter, lane) = (format!("{base}.>"), Some(1));
    let subscribe = Subscribe { filter, lane, options, ..Subscribe::default() };
    let granted = client.subscribe_as(subscribe).await.unwrap().granted.unwrap();
    assert_eq!(granted.keep, Some(Keep::Merge));
    client
}

/// Publishes these patches, and waits until they are taken.
async fn publish(client: &mut Client, base: &str, numbers: std::ops::Range<u64>) {
    let (id, last) = (client.next_id(), numbers.end - 1);
    let mut packet = BytesMut::new();
    for number in numbers {
        let payload = patch(number).into_bytes().into();
        let body = Body { content: Content::Json, payload, ..Body::default() };
        let id = (number == last).then_some(id);
        let topic = topic(base, number).into();
        let publish = Publish { id, topic, body, ..Publish::default() };
        client.bare().codec().write_client(&ClientFrame::Publish(publish), &mut packet);
    }
    client.send_bytes(&packet).await;
    client.answer_to(id).await.unwrap();
}
