//! The handle that changes how a link behaves while it lives.

use transport_api::CloseReason;

use crate::cable::{Cable, wake};
use crate::way::End;
use crate::{Conditions, Direction, Stall};

/// The handle that changes how a link behaves while it lives. It doesn't keep the link open.
#[derive(Debug, Clone)]
pub struct Faults {
    cable: Cable,
}

impl Faults {
    pub(crate) fn new(cable: Cable) -> Self {
        Self { cable }
    }

    /// How `direction` behaves now.
    pub fn conditions(&self, direction: Direction) -> Conditions {
        self.cable.lock().way(direction).conditions.clone()
    }

    /// Changes how `direction` behaves from now on. What is under way keeps its delay.
    pub fn change(&self, direction: Direction, change: impl FnOnce(&mut Conditions)) {
        let mut conditions = self.conditions(direction);
        change(&mut conditions);
        let wakers = {
            let mut shared = self.cable.lock();
            shared.way(direction).conditions = conditions;
            shared.all_wakers()
        };
        wake(wakers);
    }

    /// Changes how both directions behave from now on.
    pub fn change_both(&self, change: impl Fn(&mut Conditions)) {
        self.change(Direction::ToServer, &change);
        self.change(Direction::ToClient, &change);
    }

    /// Freezes the link: nothing arrives any more, in either direction, until it is
    /// [thawed](Self::thaw). Neither end is told.
    pub fn freeze(&self) {
        self.change_both(|conditions| conditions.stall = Stall::Everything);
    }

    /// Lets everything move again.
    pub fn thaw(&self) {
        self.change_both(|conditions| conditions.stall = Stall::Nothing);
    }

    /// Breaks the link abruptly: what is under way is lost, both ends see an error.
    pub fn cut(&self) {
        self.cable.cut();
    }

    /// Ends the link in good order behind what is under way; each end sees that the other closed it.
    pub fn close(&self, reason: CloseReason) {
        self.cable.finish(Direction::ToServer, End::Closed(reason.clone()));
        self.cable.finish(Direction::ToClient, End::Closed(reason));
    }

    /// Whether one of the two ends still exists.
    pub fn is_in_use(&self) -> bool {
        self.cable.lock().ends > 0
    }
}
