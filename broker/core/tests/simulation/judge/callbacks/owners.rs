//! Where the owner is of what is held: told to holders who asked.

use broker_protocol::frame::{Owner, OwnerState};

use super::super::{Arrival, Judge, Wrong};
use super::{Hold, Target};

/// What a holder that asked knows of where an owner is.
#[derive(Debug, Default)]
pub(crate) struct Minds {
    /// How often it asked.
    pub(crate) asked: u64,
    /// How often it was told, and what last.
    told: u64,
    last: Option<OwnerState>,
}

impl Judge {
    /// The client whose session something held belongs to.
    fn owner_of(&self, target: Target) -> usize {
        match target {
            Target::Callback(callback) => self.callbacks[callback].owner,
            Target::Session(client) => client,
        }
    }

    /// Who asked is told that an owner is away, or back: not before it was away, no more often than
    /// that changed or it asked, and not behind the end.
    pub(in crate::judge) fn told_of_owner(
        &mut self,
        client: usize,
        arrival: Arrival,
        owner: &Owner,
    ) -> Wrong {
        self.count("owners");
        let target = self.target(&owner.callback).ok_or("the owner of what nobody knows")?;
        // Who says goodbye, and whose link is lost with that, is away at first.
        let its_owner = self.owner_of(target);
        let losses = self.views[its_owner].losses + u64::from(self.may_be_gone(its_owner));
        if self.views[client].header(arrival).lane != 0 || losses == 0 {
            return Err(format!("{owner:?}, which was away {losses} times"));
        }
        let its = |hold: &&mut Hold| {
            hold.holder == client && hold.target == target && hold.minds.asked > 0
        };
        let found = self.holds.iter_mut().rev().filter(its).find(|hold| !hold.told);
        let minds = &mut found.ok_or("the owner of what isn't held, or behind its end")?.minds;
        (minds.told, minds.last) = (minds.told + 1, Some(owner.state));
        match minds.told <= 2 * losses + minds.asked {
            true => Ok(()),
            false => Err(format!("{owner:?}, told {} times", minds.told)),
        }
    }

    /// Who minds knows where the owner is.
    pub(super) fn check_owners(&self) -> Wrong {
        let minding = self.holds.iter().filter(|hold| hold.minds.asked > 0 && hold.accepted);
        for hold in minding.filter(|hold| hold.is_open()) {
            let owner = &self.views[self.owner_of(hold.target)];
            let there = if owner.connected { OwnerState::Back } else { OwnerState::Away };
            // Of one that ends nothing is told but that.
            let lasts = !owner.ended && !owner.leaves && !owner.said_goodbye;
            if lasts && self.views[hold.holder].is_live() && !self.knows(hold, there) {
                let Hold { holder, target, minds, .. } = hold;
                return Err(format!("{holder} was told of the owner of {target:?} {minds:?}"));
            }
        }
        Ok(())
    }

    /// Whether a holder may take an owner to be there, or away. What was told to one that let go and
    /// holds again may have been of either time.
    fn knows(&self, hold: &Hold, state: OwnerState) -> bool {
        let same = |one: &&Hold| one.holder == hold.holder && one.target == hold.target;
        let mut same = self.holds.iter().filter(same).filter(|one| one.minds.asked > 0);
        // All of it may have been of the time before: then this time nothing was to be told.
        let again = same.clone().count() > 1 && state == OwnerState::Back;
        again || same.any(|one| one.minds.last.unwrap_or(OwnerState::Back) == state)
    }
}
