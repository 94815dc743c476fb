//! What can go wrong with callbacks.

use std::borrow::Cow;

use broker_protocol::frame::{
    BrokerFrame, GapReason, Message, Owner, OwnerState, Released, ReleasedReason,
};

use super::{Passing, Tamper, encoded, instead};
use crate::judge::called;

/// What goes wrong once with a callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallFault {
    /// A call never comes.
    LoseCall,
    /// A call comes twice.
    DoubleCall,
    /// A call comes to another callback than it was for.
    WrongCallback,
    /// The last call of who held it comes behind the word that nobody does.
    LateCall,
    /// Nothing tells that a callback or a session is over, or that nobody holds it.
    LoseReleased,
    /// The same to a client that has come back.
    LoseReleasedAtResume,
    /// That is told twice.
    DoubleReleased,
    /// Another reason is told.
    WrongReason,
    /// Nothing tells that a callback is attached.
    LoseAttached,
    /// It is told behind the first message.
    LateAttached,
    /// Nothing tells that it is no longer.
    LoseDetached,
    /// Nothing tells that the owner of what is held is back.
    LoseBack,
    /// One that is back is told to be away.
    AwayForBack,
    /// What is told of an owner names a hold that nobody said.
    WrongHold,
    /// An attachment survives its callback, whose end is lost.
    SurvivingAttachment,
    /// A call comes that had expired when it was written.
    ExpiredCall,
    /// Nothing tells of calls that have expired.
    LoseExpired,
    /// A call that hasn't expired is told to have.
    EarlyExpiry,
}

impl CallFault {
    pub(crate) const ALL: [Self; 18] = [
        Self::LoseCall,
        Self::DoubleCall,
        Self::WrongCallback,
        Self::LateCall,
        Self::LoseReleased,
        Self::LoseReleasedAtResume,
        Self::DoubleReleased,
        Self::WrongReason,
        Self::LoseAttached,
        Self::LateAttached,
        Self::LoseDetached,
        Self::LoseBack,
        Self::AwayForBack,
        Self::WrongHold,
        Self::SurvivingAttachment,
        Self::ExpiredCall,
        Self::LoseExpired,
        Self::EarlyExpiry,
    ];
}

impl Tamper {
    /// Whether a fault may befall a frame. Notes what callbacks there are.
    pub(super) fn concerns_callback(
        &mut self,
        fault: CallFault,
        from: Passing,
        read: &BrokerFrame<'_>,
    ) -> bool {
        let token = match read {
            BrokerFrame::Message(message) => called(&message.topic).map(|(token, _)| token),
            _ => None,
        };
        self.tokens.extend(token.map(str::to_owned));
        match fault {
            CallFault::LoseCall | CallFault::DoubleCall | CallFault::EarlyExpiry => token.is_some(),
            CallFault::WrongCallback => token.is_some() && self.tokens.len() > 1,
            CallFault::LateCall => token.is_some() && from.ends_a_hold,
            CallFault::LoseReleased | CallFault::DoubleReleased | CallFault::WrongReason => {
                matches!(read, BrokerFrame::Released(_))
            }
            CallFault::LoseReleasedAtResume => {
                from.resumed && matches!(read, BrokerFrame::Released(_))
            }
            CallFault::LoseAttached | CallFault::LateAttached => {
                matches!(read, BrokerFrame::Attached(_))
            }
            CallFault::LoseDetached => matches!(read, BrokerFrame::Detached(_)),
            CallFault::LoseBack | CallFault::AwayForBack => {
                matches!(read, BrokerFrame::Owner(owner) if owner.state == OwnerState::Back)
            }
            CallFault::WrongHold => matches!(read, BrokerFrame::Owner(_)),
            CallFault::SurvivingAttachment => false,
            CallFault::ExpiredCall => !self.made_up.is_empty(),
            CallFault::LoseExpired => matches!(read, BrokerFrame::Gap(gap)
                if gap.reason == GapReason::Expired
                    && gap.topic.as_deref().is_some_and(|topic| called(topic).is_some())),
        }
    }

    /// What becomes of a frame.
    pub(super) fn befall_callback(
        &mut self,
        fault: CallFault,
        from: Passing,
        frame: &[u8],
        read: BrokerFrame<'_>,
    ) -> Vec<Vec<u8>> {
        match (fault, read) {
            (CallFault::DoubleCall | CallFault::DoubleReleased, _) => vec![frame.to_vec(); 2],
            (CallFault::LateCall | CallFault::LateAttached, _) => {
                self.held = Some(frame.to_vec());
                Vec::new()
            }
            (CallFault::WrongCallback, BrokerFrame::Message(message)) => {
                let to = self.tokens.iter().find(|token| !message.topic.contains(*token));
                let method = called(&message.topic).map_or("", |(_, method)| method);
                let topic = Cow::Owned(format!("$to.{}.{method}", to.map_or("", String::as_str)));
                vec![encoded(from.codec, &BrokerFrame::Message(Message { topic, ..message }))]
            }
            (CallFault::ExpiredCall, _) => std::mem::take(&mut self.made_up),
            (CallFault::EarlyExpiry, BrokerFrame::Message(message)) => {
                let gap = instead(&message, GapReason::Expired);
                vec![encoded(from.codec, &BrokerFrame::Gap(gap))]
            }
            (CallFault::WrongReason, BrokerFrame::Released(released)) => {
                let reason = match released.reason {
                    ReleasedReason::Released => ReleasedReason::TimedOut,
                    _ => ReleasedReason::Released,
                };
                vec![encoded(from.codec, &BrokerFrame::Released(Released { reason, ..released }))]
            }
            (CallFault::AwayForBack, BrokerFrame::Owner(owner)) => {
                let away = Owner { state: OwnerState::Away, ..owner };
                vec![encoded(from.codec, &BrokerFrame::Owner(away))]
            }
            (CallFault::WrongHold, BrokerFrame::Owner(owner)) => {
                let hold = owner.hold.map(|hold| hold + 1_000_000);
                vec![encoded(from.codec, &BrokerFrame::Owner(Owner { hold, ..owner }))]
            }
            _ => Vec::new(),
        }
    }

    /// Whether what was held back comes behind this frame of its lane.
    pub(super) fn lets_come(fault: CallFault, read: &BrokerFrame<'_>) -> bool {
        match fault {
            CallFault::LateCall => matches!(read, BrokerFrame::Released(_)),
            _ => matches!(read, BrokerFrame::Message(message) if called(&message.topic).is_none()),
        }
    }
}
