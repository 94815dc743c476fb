//! A client that may come back.

use std::collections::BTreeMap;

use broker_protocol::frame::{BrokerFrame, Connect, Gap, LanePosition, Resume};

use crate::stage::Stage;

/// A client that counts what it has, and what it was told to miss.
#[derive(Default)]
pub(crate) struct Client {
    pub(crate) slot: u32,
    pub(super) session: String,
    secret: String,
    pub(super) lane: u8,
    /// Its receive window, if it takes part in credit.
    receive_window: Option<u64>,
    /// The frames that it has of each lane.
    pub(crate) frames: BTreeMap<u8, u64>,
    /// The messages that it has, by topic.
    had: BTreeMap<String, Vec<u64>>,
    pub(crate) told: u64,
    pub(crate) answers: Vec<BrokerFrame<'static>>,
}

impl Client {
    /// One that takes part in credit.
    pub(crate) fn with_credit(receive_window: u64) -> Self {
        Self { receive_window: Some(receive_window), ..Self::default() }
    }

    pub(super) fn resume(&self) -> Resume {
        let lanes = self.frames.iter();
        let lanes = lanes.map(|(lane, frames)| LanePosition { lane: *lane, frames: *frames });
        let (session, secret) = (self.session.clone(), self.secret.clone());
        Resume { session, secret, lanes: lanes.collect() }
    }

    /// Connects, or comes back.
    pub(crate) fn connect(&mut self, stage: &mut Stage, resume: Option<Resume>) -> bool {
        let receive_window = self.receive_window;
        let mut connect = Connect { version: 1, resume, receive_window, ..Connect::default() };
        connect.client.name = Some("client".to_owned());
        let resumes = connect.resume.is_some();
        self.slot = stage.connect(connect);
        self.lane = 0;
        if !resumes {
            self.frames.clear();
        }
        self.take(stage, usize::MAX)
    }

    /// Takes so many of the frames that arrived; the others are lost with the link. Returns whether
    /// it was told that its session goes on.
    pub(crate) fn take(&mut self, stage: &mut Stage, most: usize) -> bool {
        let mut resumed = false;
        for frame in stage.frames(self.slot).into_iter().take(most) {
            match &frame {
                BrokerFrame::Connected(connected) => {
                    resumed = connected.resumed;
                    self.session.clone_from(&connected.session);
                    self.secret.clone_from(&connected.secret);
                    let positions = connected.lanes.iter().map(|one| (one.lane, one.frames));
                    self.frames = positions.collect();
                }
                BrokerFrame::Lane(lane) => self.lane = lane.lane,
                BrokerFrame::Message(message) => {
                    self.had.entry(message.topic.to_string()).or_default().push(message.seq);
                }
                BrokerFrame::Gap(gap) => self.told += gap.count,
                _ => {}
            }
            let data = match &frame {
                BrokerFrame::Accepted(accepted) => accepted.subscription.is_some(),
                frame => matches!(
                    frame,
                    BrokerFrame::Message(_)
                        | BrokerFrame::Gap(_)
                        | BrokerFrame::Moved(_)
                        | BrokerFrame::Request(_)
                        | BrokerFrame::Presence(_)
                ),
            };
            if data {
                *self.frames.entry(self.lane).or_default() += 1;
            }
            self.answers.push(frame);
        }
        resumed
    }

    pub(crate) fn gaps(&self) -> Vec<&Gap> {
        let gaps = self.answers.iter().filter_map(|frame| match frame {
            BrokerFrame::Gap(gap) => Some(gap),
            _ => None,
        });
        gaps.collect()
    }

    pub(crate) fn seqs(&self, topic: &str) -> Vec<u64> {
        self.had.get(topic).cloned().unwrap_or_default()
    }

    pub(crate) fn accepted(&self, id: u64) -> usize {
        let accepts =
            |frame: &&BrokerFrame<'_>| matches!(frame, BrokerFrame::Accepted(a) if a.id == id);
        self.answers.iter().filter(accepts).count()
    }
}
