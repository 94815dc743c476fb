//! Clients whose link is cut, and that come back: nothing is missing, nothing doubled, and what was
//! lost is told exactly.

mod again;
mod away;
mod books;
mod client;
mod repeats;
mod sessions;

use broker_core::{Absence, Config, SequencerConfig};
use broker_protocol::Codec;
use broker_protocol::frame::{Keep, LaneOptions};

use crate::stage::{Stage, in_lane};

pub(crate) use client::Client;

fn stage() -> Stage {
    stage_with(Absence::default())
}

pub(crate) fn stage_with(absence: Absence) -> Stage {
    let config = Config { absence, ..Config::default() };
    Stage::with_absence(config, SequencerConfig::default(), Codec::Bincode)
}

pub(crate) fn keep(keep: Keep) -> LaneOptions {
    LaneOptions { keep: Some(keep), ..LaneOptions::default() }
}

/// A subscriber of `a` in lane 1, and a publisher.
pub(crate) fn pair(stage: &mut Stage, options: LaneOptions) -> (Client, u32) {
    let publisher = stage.enter("publisher");
    let mut client = Client::default();
    client.connect(stage, None);
    stage.say(client.slot, &in_lane("a.>", 1, options));
    client.take(stage, usize::MAX);
    (client, publisher)
}

pub(crate) fn come_back(client: &mut Client, stage: &mut Stage) -> bool {
    let resume = client.resume();
    client.connect(stage, Some(resume))
}
