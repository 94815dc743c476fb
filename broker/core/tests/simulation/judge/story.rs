//! What happened, in words.

use broker_core::Channel;
use broker_protocol::frame::{BrokerFrame, ClientFrame, Gap, GapReason};

use super::{Arrival, Judge};

/// How many of the last events a story tells.
const EVENTS: usize = 400;

impl Judge {
    /// Notes what a client did or what became of it.
    pub(crate) fn note(&mut self, client: usize, event: impl FnOnce() -> String) {
        if self.tells {
            let line = format!("{:>6} {} {}\n", self.now, self.who(client), event());
            self.story.push_back(line);
            if self.story.len() > EVENTS {
                self.story.pop_front();
            }
        }
    }

    /// A client's name, and which it is.
    pub(crate) fn who(&self, client: usize) -> String {
        let name = self.views.get(client).map_or("somebody", |view| view.name.as_str());
        format!("{name} ({client})")
    }

    pub(crate) fn story(&self) -> String {
        self.story.iter().map(String::as_str).collect()
    }
}

/// What a client says.
pub(crate) fn said(frame: &ClientFrame<'_>) -> String {
    match frame {
        ClientFrame::Connect(connect) => match &connect.resume {
            None => "says connect".to_owned(),
            Some(resume) => {
                let had = resume.lanes.iter().map(|one| format!(" {}:{}", one.lane, one.frames));
                format!(
                    "says connect, to go on with {} behind{}",
                    resume.session,
                    had.collect::<String>()
                )
            }
        },
        ClientFrame::Subscribe(one) => format!(
            "says {}: subscribe to {} in lane {:?}, group {:?}, presence {}, replay {:?}, {}",
            one.id,
            one.filter,
            one.lane.unwrap_or_default(),
            one.group.as_deref().unwrap_or("none"),
            one.presence,
            one.replay,
            one.options.as_ref().map_or("as it is".to_owned(), options),
        ),
        ClientFrame::Update(one) => {
            format!("says {}: update lane {}, {}", one.id, one.lane, options(&one.options))
        }
        ClientFrame::Publish(one) => format!(
            "says {}: publish to {}, key {}, {}{}",
            one.id.unwrap_or_default(),
            one.topic,
            one.body.key.as_deref().unwrap_or("none"),
            payload(&one.body.payload),
            if one.retain { ", retained" } else { "" },
        ),
        other => shortened(format!("says {other:?}")),
    }
}

fn options(options: &broker_protocol::frame::LaneOptions) -> String {
    let mut words = Vec::new();
    words.extend(options.keep.map(|keep| format!("keep {keep:?}")));
    words.extend(options.overflow.map(|overflow| format!("overflow {overflow:?}")));
    words.extend(options.bound_messages.map(|bound| format!("at most {bound} messages")));
    words.extend(options.bound_bytes.map(|bound| format!("at most {bound} bytes")));
    words.extend(options.priority.map(|priority| format!("priority {priority}")));
    words.join(", ")
}

/// What a client reads.
pub(super) fn read(arrival: Arrival, frame: &BrokerFrame<'_>) -> String {
    let place = match arrival.channel {
        Channel::Control => "on the link".to_owned(),
        Channel::Lane(lane) => format!("on the stream of lane {lane}"),
        Channel::Datagram(lane) => format!("in a datagram of lane {lane}"),
    };
    let verb = if arrival.lost { "loses" } else { "reads" };
    let frame = match frame {
        BrokerFrame::Message(message) => format!(
            "{} seq {}, key {}, {}",
            message.topic,
            message.seq,
            message.body.key.as_deref().unwrap_or("none"),
            payload(&message.body.payload)
        ),
        BrokerFrame::Gap(gap) => gap_in_words(gap),
        BrokerFrame::Connected(connected) => {
            let lanes = connected.lanes.iter().map(|one| format!(" {}:{}", one.lane, one.frames));
            let lanes: String = lanes.collect();
            format!("connected {}, resumed {}, behind{lanes}", connected.session, connected.resumed)
        }
        BrokerFrame::Accepted(accepted) => format!(
            "accepted {}, subscription {:?}, lane {:?}, {}",
            accepted.id,
            accepted.subscription.unwrap_or_default(),
            accepted.lane,
            accepted.granted.as_ref().map_or(String::new(), options)
        ),
        other => shortened(format!("{other:?}")),
    };
    format!("{verb} {place} (write {}): {frame}", arrival.written.flush)
}

fn gap_in_words(gap: &Gap) -> String {
    let (topic, first, last) = (gap.topic.as_deref(), gap.first_seq, gap.last_seq);
    let why = match gap.reason {
        GapReason::Dropped => "dropped",
        GapReason::Conflated => "conflated",
        _ => "missing",
    };
    let hull = format!("{}..{}", first.unwrap_or_default(), last.unwrap_or_default());
    format!("gap of {}: {} {why}, {hull}", topic.unwrap_or("the whole lane"), gap.count)
}

/// What a payload says it is, without the padding.
fn payload(payload: &[u8]) -> String {
    let text = String::from_utf8_lossy(payload);
    let number = text.split('.').next().unwrap_or_default();
    format!("message {number} of {} bytes", payload.len())
}

fn shortened(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(260));
    text
}
