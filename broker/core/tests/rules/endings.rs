//! How sessions end: the closing word, and what it says.

use broker_core::{Channel, Config, Flushed, LinkInfo, Now, PongTo, Run, Verdict};
use broker_protocol::Codec;
use broker_protocol::frame::{ClientFrame, Connect, Disconnect};

use crate::stage::Stage;

#[test]
fn a_lane_that_was_blocked_does_not_hold_up_the_end_of_its_session() {
    let mut stage = Stage::new(Config::default());
    let publisher = stage.enter("eve");
    let (codec, pings) = (Codec::Bincode, PongTo::Frame);
    let info = LinkInfo { codec, separate_lanes: true, pings, secret: 0, datagram_bytes_max: None };
    let ann = stage.shard.attach(Now::default(), info);
    stage.say(ann, &ClientFrame::Connect(Connect { version: 1, ..Connect::default() }));
    stage.subscribe(ann, "a");
    stage.set_room(ann, 0);
    stage.publish(publisher, "a", b"x");
    stage.write(ann, &ClientFrame::Disconnect(Disconnect::default()));
    let flushed = stage.shard.flush(ann, &mut |channel: Channel, _: Run<'_>| match channel {
        Channel::Control => Verdict::Taken,
        Channel::Lane(_) | Channel::Datagram(_) => Verdict::Refused,
    });
    assert_eq!(flushed, Flushed::Everything);
}

#[test]
fn the_reason_of_a_client_that_goes_is_not_repeated_at_length() {
    let mut stage = Stage::new(Config::default());
    let ann = stage.enter("ann");
    let disconnect = Disconnect { reason: "é".repeat(10_000), ..Disconnect::default() };
    stage.write(ann, &ClientFrame::Disconnect(disconnect));
    let endings = stage.shard.take_endings();
    assert!(endings[0].reason.contains("éé"));
    assert!(endings[0].reason.len() < 200, "{} bytes", endings[0].reason.len());
}
