//! `[requests]`, `[topics]`, `[shutdown]`: how long the broker waits.

use std::time::Duration;

use crate::config::declare::section;
use crate::config::kind::time;

section! {
    /// Requests that wait for their reply.
    pub struct Requests {
        /// The time to a reply, where the asker names none.
        timeout: Duration = Duration::from_secs(5), time(1..=86_400_000);
        /// The longest that an asker is granted; each open request is remembered so long.
        timeout_max: Duration = Duration::from_secs(300), time(1..=86_400_000);
    }
}

section! {
    /// What the broker remembers of topics.
    pub struct Topics {
        /// A topic that is idle for so long, with nothing retained, and no message waiting for anybody, is
        /// forgotten and makes room; one that waits is looked at again after the same time. When it
        /// comes back it counts from 1, in a new epoch.
        forget_after: Duration = Duration::from_secs(600), time(1_000..=2_592_000_000);
    }
}

section! {
    /// The end in good order, after SIGINT or SIGTERM. A second signal ends at once.
    pub struct Shutdown {
        /// The time for lanes to empty; what is left then is not delivered.
        deadline: Duration = Duration::from_secs(10), time(0..=600_000);
        /// Clients are told to come back at different times within this span, so that the next broker
        /// isn't met by all of them at once.
        reconnect_spread: Duration = Duration::from_secs(5), time(0..=600_000);
    }
}
