//! Where the owner is of what is held: told to holders who asked.

use broker_protocol::frame::{Owner, OwnerState};

use super::super::{Arrival, Judge, Wrong};
use super::{Hold, Target};

/// What a holder that asked knows of where an owner is.
#[derive(Debug, Default)]
pub(crate) struct Minds {
    /// The commands by which it asked.
    asked_by: Vec<u64>,
    /// How often it was told.
    told: u64,
    /// What the last of these was answered last.
    last: Option<OwnerState>,
}

impl Minds {
    /// It asks. What answers older commands means nothing any more.
    pub(crate) fn ask(&mut self, id: u64) {
        self.asked_by.push(id);
        self.last = None;
    }
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
        let asked_by = owner.hold.ok_or("which command asked isn't told")?;
        let its = |hold: &&mut Hold| hold.holder == client && hold.target == target && !hold.told;
        let mut found = self.holds.iter_mut().filter(its).map(|hold| &mut hold.minds);
        let found = found.find(|minds| minds.asked_by.contains(&asked_by));
        let minds = found.ok_or("the owner of what isn't held, or behind its end")?;
        minds.told += 1;
        if minds.asked_by.last() == Some(&asked_by) {
            minds.last = Some(owner.state);
        }
        match minds.told <= 2 * losses + minds.asked_by.len() as u64 {
            true => Ok(()),
            false => Err(format!("{owner:?}, told {} times", minds.told)),
        }
    }

    /// Who minds knows where the owner is.
    pub(super) fn check_owners(&self) -> Wrong {
        let asked = |hold: &&Hold| !hold.minds.asked_by.is_empty() && hold.accepted;
        let minding = self.holds.iter().filter(asked);
        for hold in minding.filter(|hold| hold.is_open()) {
            let owner = &self.views[self.owner_of(hold.target)];
            let there = if owner.connected { OwnerState::Back } else { OwnerState::Away };
            // Of one that ends nothing is told but that.
            let lasts = !owner.ended && !owner.leaves && !owner.said_goodbye;
            let known = hold.minds.last.unwrap_or(OwnerState::Back);
            if lasts && self.views[hold.holder].is_live() && known != there {
                let Hold { holder, target, minds, .. } = hold;
                return Err(format!("{holder} was told of the owner of {target:?} {minds:?}"));
            }
        }
        Ok(())
    }
}
