//! All promises together.

use transport_api::BoxFuture;

use crate::{Broken, Fixture, Verdict, promises};

/// A promise by name, for callers that go through all of them.
pub struct Promise {
    /// As its function is called.
    pub name: &'static str,
    /// Checks it.
    pub check: for<'a> fn(&'a dyn Fixture) -> BoxFuture<'a, Verdict>,
}

/// Names every promise once, for whatever is made of each.
#[doc(hidden)]
#[macro_export]
macro_rules! with_promises {
    ($callback:ident $arguments:tt) => {
        $crate::$callback! {
            $arguments
            packets_arrive_in_order
            text_packets_arrive_in_order
            many_small_packets_arrive
            large_packets_arrive
            both_directions_run_at_once
            a_peer_that_does_not_read_blocks_the_link
            a_client_that_does_not_read_blocks_the_link
            a_packet_taken_in_part_is_finished
            what_is_taken_arrives_and_what_is_refused_does_not
            a_frozen_peer_makes_the_link_wait
            all_channels_together_hold_little_of_a_frozen_peer
            abrupt_death_is_noticed_while_reading
            abrupt_death_is_noticed_while_writing
            abrupt_death_is_noticed_while_blocked
            a_cut_network_is_noticed
            close_reasons_arrive
            what_was_taken_before_the_close_arrives
            a_closed_end_says_so
            accept_given_up_loses_no_peer
            connecting_given_up_harms_nobody
            a_pausing_sink_loses_nothing
            polls_given_up_lose_nothing
            links_are_independent
            both_ends_agree_on_the_link
            a_wrong_subprotocol_is_refused_with_a_reason
            the_first_common_subprotocol_is_agreed_on
            slow_handshakes_hinder_nobody
            garbage_handshakes_harm_nobody
            a_handshake_that_waits_hinders_nobody
            lanes_keep_their_number_and_order
            a_lane_held_back_stops_no_other
            pongs_return_in_order_with_their_marks
            datagrams_arrive_whole
            a_flood_of_datagrams_goes_on
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! promise_list {
    ([] $($name:ident)+) => {
        /// Every promise.
        pub const PROMISES: &[Promise] = &[$(Promise {
            name: stringify!($name),
            check: |fixture| Box::pin(promises::$name(fixture)),
        }),+];
    };
}

with_promises!(promise_list []);

/// Makes one test of each promise.
#[doc(hidden)]
#[macro_export]
macro_rules! test_each_promise {
    ([$fixture:expr, $flavour:tt] $($name:ident)+) => {$(
        #[::tokio::test $flavour]
        async fn $name() -> $crate::Verdict {
            $crate::promises::$name(&$fixture).await
        }
    )+};
}

/// Makes one test of each promise for the fixture that the expression makes.
///
/// What follows the expression goes to `#[tokio::test(…)]`. The crate needs `tokio` with `macros` and
/// `rt` for its tests.
///
/// ```ignore
/// transport_conformance::conformance_tests!(MyFixture::default());
/// transport_conformance::conformance_tests!(MyFixture::default(), start_paused = true);
/// ```
#[macro_export]
macro_rules! conformance_tests {
    ($fixture:expr $(, $($flavour:tt)*)?) => {
        $crate::with_promises!(test_each_promise [$fixture, ($($($flavour)*)?)]);
    };
}

/// Checks every promise and returns those that are broken.
pub async fn broken_promises(fixture: &dyn Fixture) -> Vec<Broken> {
    let mut broken = Vec::new();
    for promise in PROMISES {
        broken.extend((promise.check)(fixture).await.err());
    }
    broken
}

/// Checks every promise.
///
/// # Panics
/// If any is broken, with a sentence for each.
pub async fn run_all(fixture: &dyn Fixture) {
    let broken = broken_promises(fixture).await;
    let sentences: Vec<_> = broken.iter().map(ToString::to_string).collect();
    assert!(broken.is_empty(), "{} broken promises:\n{}", broken.len(), sentences.join("\n"));
}
