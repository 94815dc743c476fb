//! What an operator says of topics holds for every client.

#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use broker::Builder;
use broker::config::{Config, Keep, Pattern};
use broker_core::KeepRule;
use broker_protocol::Codec::{Bincode, Json};
use broker_protocol::ErrorCode;
use broker_protocol::frame::{self, LaneOptions, Subscribe};
use broker_tests::{Client, Transport};
use client_sdk::{Event, SubscribeError};

broker_tests::over_every_transport!(
    a_client_is_granted_what_the_pattern_says_and_told_so,
    a_program_that_may_not_share_a_lane_notices_nothing,
);

/// A broker whose configuration has patterns, but listens nowhere yet.
fn builder() -> Builder {
    let mut market = Pattern::new("market.>");
    market.keep = Some(Keep::Latest(1));
    market.bound_messages_max = Some(50);
    market.forbid_keep = vec![KeepRule::All];
    let mut chat = Pattern::new("chat.>");
    chat.bound_messages_max = Some(100);
    let mut config = Config::default();
    config.patterns = vec![market, chat];
    config.listen.clear();
    Builder::configured(&config).unwrap().builder.shards(1)
}

async fn a_client_is_granted_what_the_pattern_says_and_told_so(over: Transport) {
    let setting = over.start_with(builder()).await.unwrap();
    for codec in [Bincode, Json] {
        let mut client = Client::connect(&setting.place, codec, "client").await;
        let subscribe = |filter: &str, options| Subscribe {
            filter: filter.to_owned(),
            options,
            ..Subscribe::default()
        };
        let nothing = LaneOptions::default();
        let accepted = client.subscribe_as(subscribe("market.btc", Some(nothing.clone()))).await;
        let granted = accepted.unwrap().granted.unwrap();
        assert_eq!(granted.keep, Some(frame::Keep::Latest(1)));
        assert_eq!(granted.bound_messages, Some(50));
        let all = LaneOptions { keep: Some(frame::Keep::All), ..nothing };
        let refused = client.subscribe_as(subscribe("market.*", Some(all))).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::NotAllowed);
        assert!(refused.message.contains("market.>") && refused.message.contains("keep: all"));
        let refused = client.subscribe_as(subscribe("market.*", None)).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::LaneOptions);
        assert!(refused.message.contains("isn't open"), "{}", refused.message);
        client.subscribe("news").await;
    }
}

async fn a_program_that_may_not_share_a_lane_notices_nothing(over: Transport) {
    let setting = over.start_with(builder()).await.unwrap();
    let program = client_sdk::Client::builder(&setting.place.url)
        .with_connector(setting.place.connector())
        .connect()
        .await
        .unwrap();
    let mut lanes = Vec::new();
    let mut streams = Vec::new();
    for filter in ["news", "chat.a", "chat.b", "market.btc"] {
        let mut stream = program.stream(filter).await.unwrap();
        let Some(Event::Subscribed(granted)) = stream.next().await else { panic!("{filter}") };
        lanes.push((granted.lane, granted.options.keep, granted.options.bound_messages));
        streams.push(stream);
    }
    let (all, latest) = (Some(frame::Keep::All), Some(frame::Keep::Latest(1)));
    let expected =
        [(0, all, Some(4096)), (1, all, Some(100)), (1, all, Some(100)), (2, latest, Some(50))];
    assert_eq!(lanes, expected);
    // Nowhere may it have what it has by default: the wish itself is refused.
    let refused = program.stream("*.btc").await.map(drop).unwrap_err();
    let SubscribeError::Refused { code, message, .. } = refused else { panic!("{refused}") };
    assert_eq!(code, ErrorCode::NotAllowed, "{message}");
    program.publish_acked("market.btc", "1").await.unwrap();
    let Some(Event::Message(message)) = streams[3].next().await else { panic!("a message") };
    assert_eq!(&*message.topic, "market.btc");
}
