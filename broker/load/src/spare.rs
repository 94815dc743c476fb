//! How much of the generator's thread is spent on work.

/// The share of the generator's time above which a run says more of the generator than of the server.
pub const BUSY_MAX: f64 = 0.8;

/// The share up to which the generator lets itself be kept busy where it may choose.
const BUSY_WANTED: f64 = 0.7;

/// How much spare time may be saved up, in nanoseconds: bursts of work up to this are allowed at once.
const SAVED_MAX: f64 = 2e6;

/// How much of a thread that never sleeps is spent on work.
///
/// Between two looks it was either idle, because nothing happened, or at work for the whole time.
#[derive(Debug)]
pub(crate) struct Spare {
    looked: u64,
    since: u64,
    idle: u64,
    saved: f64,
}

impl Spare {
    pub(crate) fn new(now: u64) -> Self {
        Self { looked: now, since: now, idle: 0, saved: 0.0 }
    }

    /// Notes whether anything was done since the last look.
    pub(crate) fn look(&mut self, now: u64, worked: bool) {
        let passed = now - self.looked;
        self.looked = now;
        if worked {
            self.saved -= passed as f64 * (1.0 - BUSY_WANTED) / BUSY_WANTED;
        } else {
            self.idle += passed;
            self.saved = (self.saved + passed as f64).min(SAVED_MAX);
        }
    }

    /// Whether the generator may take on more work of its own choice.
    pub(crate) fn has_some(&self) -> bool {
        self.saved >= 0.0
    }

    /// Begins to measure.
    pub(crate) fn restart(&mut self, now: u64) {
        (self.since, self.idle) = (now, 0);
    }

    /// The share of the time spent on work since the measurement began.
    pub(crate) fn busy(&self) -> f64 {
        let passed = self.looked - self.since;
        1.0 - self.idle as f64 / passed.max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_works_whenever_it_may_is_as_busy_as_wanted() {
        let mut spare = Spare::new(0);
        for tick in 1..100_000_u64 {
            let worked = spare.has_some();
            spare.look(tick * 1000, worked);
        }
        assert!((spare.busy() - BUSY_WANTED).abs() < 0.02, "{}", spare.busy());
    }

    #[test]
    fn only_what_came_since_the_measurement_began_counts() {
        let mut spare = Spare::new(0);
        spare.look(1000, true);
        spare.restart(1000);
        spare.look(2000, false);
        assert_eq!(spare.busy(), 0.0);
    }
}
