//! What the operator's patterns make of a wish.

use broker_delivery::lane::{Keep, LaneOptions, Overflow};
use broker_protocol::ErrorCode;
use broker_protocol::frame;

use super::Shard;
use super::commands::Refusal;
use crate::Pattern;
use crate::policy::PatternSet;

/// Who comes into a lane.
#[derive(Debug, Clone, Copy)]
pub(super) enum Entrant<'a> {
    /// A subscription, with its filter.
    Subscription(&'a str),
    /// A member of a queue group, with its filter.
    Member(&'a str),
    /// What serves requests, which no pattern is about.
    Provider,
}

impl<'a> Entrant<'a> {
    fn filter(self) -> Option<&'a str> {
        match self {
            Self::Subscription(filter) | Self::Member(filter) => Some(filter),
            Self::Provider => None,
        }
    }
}

impl Shard {
    /// The patterns that have a say in a lane because of this entrant.
    pub(super) fn touched_by(&self, entrant: Entrant<'_>) -> PatternSet {
        let policies = &self.config.policies;
        entrant.filter().map(|filter| policies.overlapping(filter)).unwrap_or_default()
    }

    /// What a new lane is granted that is opened by this entrant.
    pub(super) fn grant_new(
        &self,
        slot: u32,
        wished: &frame::LaneOptions,
        (entrant, touched): (Entrant<'_>, PatternSet),
    ) -> Result<LaneOptions, Refusal> {
        self.grant(slot, wished, (self.opened_with(wished, entrant), touched))
    }

    /// What a new lane has that isn't wished for: one that conflates drops rather than disconnects, and
    /// one that merges begins anew, since patches are worth nothing without those before.
    fn opened_with(&self, wished: &frame::LaneOptions, entrant: Entrant<'_>) -> LaneOptions {
        let default = self.config.lane;
        let covering = |filter| self.config.policies.first_covering(filter);
        let pattern = entrant.filter().and_then(covering);
        let base = pattern.map_or(default, |pattern| pattern.opens(default));
        let keep = match entrant {
            Entrant::Member(_) => Keep::All,
            Entrant::Subscription(_) | Entrant::Provider => base.keep,
        };
        let usual = match (wished.keep, keep) {
            (Some(frame::Keep::All), _) | (None, Keep::All) => default.overflow,
            (Some(frame::Keep::Merge), _) | (None, Keep::Merge) => Overflow::Resync,
            (Some(frame::Keep::Latest(_)), _) | (None, Keep::Latest(_)) => Overflow::DropOldest,
        };
        let said = pattern.and_then(|pattern: &Pattern| pattern.overflow);
        LaneOptions { keep, overflow: said.unwrap_or(usual), ..base }
    }

    /// The options as all these patterns grant them.
    pub(super) fn allowed(
        &self,
        options: LaneOptions,
        touched: PatternSet,
    ) -> Result<LaneOptions, Refusal> {
        match self.config.policies.offence(touched, &options) {
            Some(offence) => {
                let message = offence.to_string();
                Err(Refusal::of("options", ErrorCode::NotAllowed, message))
            }
            None => Ok(self.config.policies.capped(touched, options)),
        }
    }

    /// Refuses who would change the grant of an open lane: whoever wishes for something else, or, if
    /// they wish for nothing, may not have what the lane has.
    pub(super) fn check_joins(
        &self,
        (number, options): (u8, &LaneOptions),
        granted: Option<LaneOptions>,
        touched: PatternSet,
    ) -> Result<(), Refusal> {
        let reason = match granted {
            Some(granted) if granted == *options => return Ok(()),
            Some(_) => format!("lane {number} is open with other options"),
            None => {
                let policies = &self.config.policies;
                let forbidden = policies.offence(touched, options);
                let reason = forbidden.map(|offence| format!("{offence}, which lane {number} has"));
                let narrower = || {
                    let pattern = policies.narrowing(touched, *options)?;
                    Some(format!("pattern {pattern:?} grants less than lane {number} has"))
                };
                let Some(reason) = reason.or_else(narrower) else { return Ok(()) };
                reason
            }
        };
        // A `move` always names a lane.
        let message = format!("{reason}; name a `lane` that isn't open for one of its own");
        Err(Refusal::of("options", ErrorCode::LaneOptions, message))
    }
}
