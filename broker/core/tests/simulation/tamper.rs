//! Faults that are planted between the broker and its clients, to prove that they are noticed.

use broker_core::Channel;
use broker_protocol::Codec;
use broker_protocol::frame::BrokerFrame;
use bytes::BytesMut;

/// What goes wrong once in a world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A message never comes.
    LoseMessage,
    /// A message comes twice.
    DoubleMessage,
    /// Two messages of a channel change places.
    SwapMessages,
    /// A gap counts one too many.
    MiscountGap,
    /// A gap of a whole lane counts some too many.
    MiscountFolded,
    /// A gap is never told.
    LoseGap,
    /// A message says to be earlier than it is.
    ShiftSequence,
    /// The answer to a subscribe comes behind the first message.
    DelayAccepted,
    /// A change of who is there is never told.
    LosePresence,
    /// A request is answered twice.
    AnswerTwice,
    /// A command gets no answer.
    LoseAnswer,
    /// A `lane` frame is left out.
    LoseLane,
}

impl Fault {
    pub(crate) const ALL: [Self; 12] = [
        Self::LoseMessage,
        Self::DoubleMessage,
        Self::SwapMessages,
        Self::MiscountGap,
        Self::MiscountFolded,
        Self::LoseGap,
        Self::ShiftSequence,
        Self::DelayAccepted,
        Self::LosePresence,
        Self::AnswerTwice,
        Self::LoseAnswer,
        Self::LoseLane,
    ];

    fn concerns(self, frame: &BrokerFrame<'_>) -> bool {
        match self {
            Self::LoseMessage | Self::DoubleMessage | Self::SwapMessages | Self::ShiftSequence => {
                matches!(frame, BrokerFrame::Message(_))
            }
            Self::MiscountGap | Self::LoseGap => {
                matches!(frame, BrokerFrame::Gap(gap) if gap.topic.is_some())
            }
            Self::MiscountFolded => {
                matches!(frame, BrokerFrame::Gap(gap) if gap.topic.is_none())
            }
            Self::DelayAccepted => {
                matches!(frame, BrokerFrame::Accepted(accepted) if accepted.granted.is_some())
            }
            Self::LosePresence => matches!(frame, BrokerFrame::Presence(_)),
            Self::AnswerTwice => matches!(frame, BrokerFrame::Reply(_)),
            Self::LoseAnswer => {
                matches!(frame, BrokerFrame::Accepted(_) | BrokerFrame::Rejected(_))
            }
            Self::LoseLane => matches!(frame, BrokerFrame::Lane(_)),
        }
    }
}

/// Plants one fault, or none.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tamper {
    fault: Option<Fault>,
    /// How many frames that the fault may befall are spared.
    spared: usize,
    /// The client and channel where it happened.
    pub(crate) victim: Option<(usize, Channel)>,
    held: Option<Vec<u8>>,
}

impl Tamper {
    pub(crate) fn plant(fault: Fault, spared: usize) -> Self {
        Self { fault: Some(fault), spared, victim: None, held: None }
    }

    /// Lets a frame pass, or what becomes of it.
    pub(crate) fn pass(
        &mut self,
        client: usize,
        codec: Codec,
        channel: Channel,
        frame: Vec<u8>,
    ) -> Vec<Vec<u8>> {
        let Some(fault) = self.fault else { return vec![frame] };
        if self.victim == Some((client, channel)) {
            return match self.held.take() {
                Some(held) => vec![frame, held],
                None => vec![frame],
            };
        }
        let concerns = |read: &BrokerFrame<'_>| fault.concerns(read);
        let read = codec.read_broker(&frame).ok().flatten().filter(concerns);
        let Some(read) = read.filter(|_| self.victim.is_none()) else { return vec![frame] };
        if self.spared > 0 {
            self.spared -= 1;
            return vec![frame];
        }
        self.victim = Some((client, channel));
        match (fault, read) {
            (Fault::DoubleMessage | Fault::AnswerTwice, _) => vec![frame.clone(), frame],
            (Fault::SwapMessages | Fault::DelayAccepted, _) => {
                self.held = Some(frame);
                Vec::new()
            }
            (Fault::MiscountGap, BrokerFrame::Gap(mut gap)) => {
                gap.count += 1;
                vec![encoded(codec, &BrokerFrame::Gap(gap))]
            }
            (Fault::MiscountFolded, BrokerFrame::Gap(mut gap)) => {
                gap.count += 100;
                vec![encoded(codec, &BrokerFrame::Gap(gap))]
            }
            (Fault::ShiftSequence, BrokerFrame::Message(mut message)) => {
                message.seq += 1;
                vec![encoded(codec, &BrokerFrame::Message(message))]
            }
            _ => Vec::new(),
        }
    }
}

/// A frame without what is in front of or behind it.
fn encoded(codec: Codec, frame: &BrokerFrame<'_>) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    codec.write_broker(frame, &mut bytes);
    let cut = codec.cut(&bytes, usize::MAX);
    cut.ok().flatten().map(|cut| cut.frame.to_vec()).unwrap_or_default()
}
