//! What a session has to do with others.

use std::time::Duration;

use super::{Replays, Roles, Session};
use crate::few::Few;
use crate::policy::PatternSet;
use crate::{Standing, Token};

/// What a session has to do with other clients that isn't over, and with the operator.
#[derive(Debug, Default)]
pub(crate) struct Dealings {
    /// Requests that this session asked, by its ids.
    pub(crate) asked: Few<u64, Asked>,
    /// Requests that this session is to answer.
    pub(crate) answering: Few<Token, Answering>,
    /// Memberships of queue groups that have ended while messages for them still wait.
    pub(crate) left: Few<u64, Standing>,
    /// The operator's patterns that have a say in lanes, by their places: those that a filter in it
    /// touched, be it gone.
    touched: Few<usize, PatternSet>,
    /// Replays that aren't over, by the place of their lane.
    pub(crate) replays: Few<usize, Replays>,
    /// Callbacks, where there are any.
    pub(crate) roles: Option<Box<Roles>>,
}

/// A request that a session is to answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answering {
    /// The asker's id for it.
    pub(crate) id: u64,
    /// The number of the callback that it is for, if it is for one.
    pub(crate) callback: Option<u64>,
}

/// A request that a session asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    pub(crate) token: Token,
    pub(crate) deadline: Duration,
}

impl Dealings {
    pub(super) fn are_over(&self) -> bool {
        let Self { asked, answering, left, touched, replays, roles } = self;
        let asked = asked.is_empty() && answering.is_empty();
        asked && left.is_empty() && touched.is_empty() && replays.is_empty() && roles.is_none()
    }
}

impl Session {
    /// The operator's patterns that have a say in the lane at this place.
    pub(crate) fn touched(&self, lane: usize) -> PatternSet {
        let known = self.dealings.as_ref().and_then(|dealings| dealings.touched.get(&lane));
        known.copied().unwrap_or_default()
    }

    /// Notes that a filter in the lane at this place touches these patterns.
    pub(crate) fn touch(&mut self, lane: usize, patterns: PatternSet) {
        if !patterns.is_empty() {
            let touched = &mut self.dealings.get_or_insert_default().touched;
            let known = touched.get_or_default(lane);
            *known = known.union(patterns);
        }
    }

    /// Strikes off a request that it was to answer. Returns the asker's id for it.
    pub(crate) fn answered(&mut self, token: Token) -> Option<u64> {
        let dealings = self.dealings.as_mut()?;
        let Answering { id, callback } = dealings.answering.remove(&token)?;
        if let (Some(callback), Some(roles)) = (callback, &mut dealings.roles) {
            roles.asked.remove(&(callback, token));
        }
        Some(id)
    }

    /// Its part in callbacks, if it has one.
    pub(crate) fn roles(&self) -> Option<&Roles> {
        self.dealings.as_ref()?.roles.as_deref()
    }

    /// The same, to be changed.
    pub(crate) fn roles_mut(&mut self) -> Option<&mut Roles> {
        self.dealings.as_mut()?.roles.as_deref_mut()
    }

    /// Its part in callbacks, which it has from now on.
    pub(crate) fn take_roles_on(&mut self) -> &mut Roles {
        self.dealings.get_or_insert_default().roles.get_or_insert_default()
    }
}
