//! What can go wrong.

use broker_protocol::ErrorCode;
use broker_protocol::frame::{BrokerFrame, GapReason, Keep};

use super::nulls::without_nulls;
use super::{CallFault, Passing};
use crate::judge::Gone;
use crate::script::OF_GROUPS;

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
    /// A gap counts one more replaced value than there are.
    MiscountConflated,
    /// Nothing tells of values that were replaced.
    LoseConflated,
    /// Replaced values are told of twice.
    DoubleConflated,
    /// A gap that tells of replaced values comes behind its packet.
    LateConflated,
    /// An older value comes where the newest of its key should.
    StaleValue,
    /// From one value on those of a key don't come any more, and are told to be replaced.
    LoseTail,
    /// A value of a lane that conflates comes twice.
    DoubleValue,
    /// A value comes behind a newer one of its key.
    StepBack,
    /// A value comes behind that of another key, whose turn was later.
    LoseTurn,
    /// A value comes before the answer to the subscribe that it is for.
    EarlyValue,
    /// The first message of a lane comes twice after its client came back.
    DoubleAtResume,
    /// The first message of a lane doesn't come after its client came back.
    LoseAtResume,
    /// A lane goes on a frame later than it says.
    MisplaceLane,
    /// It isn't said from where lanes go on.
    ForgetLanes,
    /// A gap is told twice after a client came back.
    DoubleGapAtResume,
    /// What a lane lost with its link is miscounted.
    MiscountLost,
    /// What a lane lost with its link isn't told first.
    LoseLost,
    /// A publish that is repeated is published again.
    PublishAgain,
    /// A command gets no answer after its client came back.
    LoseAnswerAtResume,
    /// A link goes on receiving although another has taken its place.
    TakenOverGoesOn,
    /// Nothing tells that a subscription has left its lane.
    LoseMoved,
    /// A retained value never comes, or once a newer one has come.
    LateRetained,
    /// A retained value comes twice.
    DoubleRetained,
    /// It isn't said that everything that is retained has come.
    LoseCaughtUp,
    /// It is said before the last of it has come.
    EarlyCaughtUp,
    /// A retained value comes that had expired before it was asked for.
    ExpiredValue,
    /// A retained value comes that had been cleared before it was asked for.
    ClearedValue,
    /// A retained value comes that expired while it waited.
    OverdueValue,
    /// From some value on those of a key that is held back don't come, and are told to be replaced.
    LoseTrailing,
    /// What is folded forgets which members are to be removed.
    ForgetNulls,
    /// A topic is forgotten though a message of it waits.
    ForgetWaiting,
    /// A message to one client, which was accepted and doesn't expire, never comes.
    LoseSend,
    /// A gap that tells of messages to one client comes to another.
    MisleadGap,
    /// Something about a callback.
    Of(CallFault),
}

impl Fault {
    pub(crate) const ALL: [Self; 45] = [
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
        Self::MiscountConflated,
        Self::LoseConflated,
        Self::DoubleConflated,
        Self::LateConflated,
        Self::StaleValue,
        Self::LoseTail,
        Self::DoubleValue,
        Self::StepBack,
        Self::LoseTurn,
        Self::EarlyValue,
        Self::DoubleAtResume,
        Self::LoseAtResume,
        Self::MisplaceLane,
        Self::ForgetLanes,
        Self::DoubleGapAtResume,
        Self::MiscountLost,
        Self::LoseLost,
        Self::PublishAgain,
        Self::LoseAnswerAtResume,
        Self::TakenOverGoesOn,
        Self::LoseMoved,
        Self::LateRetained,
        Self::DoubleRetained,
        Self::LoseCaughtUp,
        Self::EarlyCaughtUp,
        Self::ExpiredValue,
        Self::ClearedValue,
        Self::OverdueValue,
        Self::LoseTrailing,
        Self::ForgetNulls,
        Self::ForgetWaiting,
        Self::LoseSend,
        Self::MisleadGap,
    ];

    /// Of what kind a value has to be made up for it that isn't to come any more.
    pub(crate) fn makes_up_a_value(self) -> Option<Gone> {
        match self {
            Self::ExpiredValue => Some(Gone::Expired),
            Self::ClearedValue => Some(Gone::Cleared),
            Self::OverdueValue => Some(Gone::ExpiredSince),
            _ => None,
        }
    }

    /// Whether it needs sessions that outlive their links.
    pub(crate) fn needs_absence(self) -> bool {
        matches!(
            self,
            Self::DoubleAtResume
                | Self::LoseAtResume
                | Self::MisplaceLane
                | Self::ForgetLanes
                | Self::DoubleGapAtResume
                | Self::MiscountLost
                | Self::LoseLost
                | Self::PublishAgain
                | Self::LoseAnswerAtResume
                | Self::TakenOverGoesOn
                | Self::Of(CallFault::LoseReleasedAtResume)
        )
    }

    /// Whether it may befall a frame of a client that came back.
    fn concerns_return(self, from: Passing, frame: &BrokerFrame<'_>) -> bool {
        match (self, frame) {
            (Self::DoubleAtResume | Self::LoseAtResume, BrokerFrame::Message(_)) => from.is_first,
            (Self::MisplaceLane | Self::ForgetLanes, BrokerFrame::Connected(connected)) => {
                connected.resumed && connected.lanes.iter().any(|lane| lane.frames > 0)
            }
            (Self::DoubleGapAtResume, BrokerFrame::Gap(gap)) => from.resumed && gap.count > 0,
            (Self::MiscountLost, BrokerFrame::Gap(_)) => from.is_of_known_loss,
            (Self::LoseLost, BrokerFrame::Gap(gap)) => {
                let of_lane = gap.topic.is_none() && gap.reason == GapReason::Dropped;
                from.is_first && of_lane && from.lane != OF_GROUPS
            }
            (Self::LoseAnswerAtResume, BrokerFrame::Accepted(_)) => from.resumed,
            (Self::TakenOverGoesOn, BrokerFrame::Disconnect(end)) => {
                end.code == ErrorCode::TakenOver
            }
            _ => false,
        }
    }

    /// Whether it may befall a frame.
    pub(super) fn concerns(self, from: Passing, frame: &BrokerFrame<'_>) -> bool {
        match self {
            Self::LoseMessage | Self::DoubleMessage | Self::SwapMessages | Self::ShiftSequence => {
                matches!(frame, BrokerFrame::Message(_))
            }
            Self::MiscountGap | Self::LoseGap => {
                matches!(frame, BrokerFrame::Gap(gap) if gap.topic.is_some())
            }
            Self::MiscountFolded => {
                let of_lane = matches!(frame, BrokerFrame::Gap(gap) if gap.topic.is_none());
                of_lane && from.lane != OF_GROUPS
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
            Self::MiscountConflated
            | Self::LoseConflated
            | Self::DoubleConflated
            | Self::LateConflated => {
                matches!(frame, BrokerFrame::Gap(gap) if gap.reason == GapReason::Conflated)
            }
            Self::StaleValue
            | Self::LoseTail
            | Self::DoubleValue
            | Self::StepBack
            | Self::LoseTurn => from.conflates && matches!(frame, BrokerFrame::Message(_)),
            Self::EarlyValue => matches!(frame, BrokerFrame::Accepted(accepted)
            if accepted.granted.as_ref().is_some_and(|granted| {
                matches!(granted.keep, Some(Keep::Latest(_)))
            })),
            Self::LoseMoved => matches!(frame, BrokerFrame::Moved(_)),
            Self::LoseSend | Self::MisleadGap => self.concerns_sends(from, frame),
            _ => self.concerns_state(from, frame) || self.concerns_return(from, frame),
        }
    }

    /// Whether it may befall a frame of a replay.
    fn concerns_state(self, from: Passing, frame: &BrokerFrame<'_>) -> bool {
        match (self, frame) {
            (
                Self::LateRetained | Self::DoubleRetained | Self::EarlyCaughtUp,
                BrokerFrame::Message(_),
            ) => from.is_value,
            (Self::LoseCaughtUp, BrokerFrame::CaughtUp(_)) => true,
            (Self::LoseTrailing, BrokerFrame::Message(_)) => from.is_paced && !from.is_value,
            (Self::ForgetNulls, BrokerFrame::Message(message)) => {
                from.removes && without_nulls(message).is_some()
            }
            _ => false,
        }
    }
}
