//! What is told of what was received, and when.

use std::task::{Context, Waker};
use std::time::Duration;

use broker_protocol::frame::Consumed;

use super::*;

const WINDOW: u64 = 1 << 20;

impl Credit {
    /// A data frame was received, and this is what it owes.
    pub(crate) fn received(self: &Arc<Self>, lane: u8, bytes: usize) -> Owed {
        self.note_received(lane, 1, bytes as u64);
        self.account(lane).owed(bytes as u64)
    }
}

fn told(credit: &Credit) -> Vec<(u8, u64, u64)> {
    let mut told = Vec::new();
    let cx = Context::from_waker(Waker::noop());
    credit.poll_due(&cx, |Consumed { lane, frames, bytes }| told.push((lane, frames, bytes)));
    told
}

fn credit(window: Option<u64>) -> Arc<Credit> {
    let credit = Arc::new(Credit::new());
    credit.connected(window);
    credit
}

#[test]
fn who_keeps_up_tells_once_for_a_quarter_of_the_window() {
    let credit = credit(Some(WINDOW));
    let mut words = 0;
    for _ in 0..10_000 {
        drop(credit.received(3, 1000));
        words += told(&credit).len();
    }
    assert_eq!(words, 10_000_000 / (WINDOW as usize / 4 + 856), "of 10 MB");
}

#[test]
fn a_frame_for_several_is_done_with_when_all_have_done_it() {
    let credit = credit(Some(4000));
    let mut owed = credit.received(0, 1001);
    let shares = [owed.share(3), owed.share(2), owed.share(1)];
    assert_eq!(shares.iter().map(Owed::bytes).sum::<u64>(), 1001);
    drop(owed);
    for share in shares {
        assert_eq!(told(&credit), []);
        drop(share);
    }
    assert_eq!(told(&credit), [(0, 1, 1001)]);
}

#[test]
fn a_lane_that_conflates_is_told_of_sooner() {
    let credit = credit(Some(WINDOW));
    credit.set_conflates(1, true);
    let all: Vec<_> = (0..8).map(|_| credit.received(1, 1024)).collect();
    let mut words = 0;
    for owed in all {
        drop(owed);
        words += told(&credit).len();
    }
    assert!((1..=4).contains(&words), "{words}");
    drop(credit.received(2, 8192));
    assert_eq!(told(&credit), [], "one that keeps everything isn't");
}

#[test]
fn what_was_finished_before_a_lane_conflates_is_told_when_it_does() {
    let credit = credit(Some(WINDOW));
    drop(credit.received(1, 200_000));
    drop(credit.received(2, 2000));
    assert_eq!(told(&credit), [], "it is less than a quarter of the window");
    credit.set_conflates(1, true);
    credit.set_conflates(2, true);
    assert_eq!(told(&credit), [(1, 1, 200_000)]);
    credit.set_conflates(1, true);
    assert_eq!(told(&credit), [], "nothing is new");
}

#[test]
fn what_is_held_over_a_reconnect_is_missing_from_the_next_window() {
    let credit = credit(Some(4000));
    let (held, lost) = (credit.received(0, 3000), credit.received(0, 500));
    credit.connected(Some(4000));
    drop(lost);
    drop(credit.received(0, 3000));
    assert_eq!(told(&credit), []);
    drop(credit.received(0, 1000));
    assert_eq!(told(&credit), [(0, 4, 1000)], "4,000 came and 3,000 are held from before");
    drop(held);
    assert_eq!(told(&credit), [(0, 4, 4000)]);
}

#[test]
fn without_a_window_nothing_is_told() {
    let credit = credit(None);
    drop(credit.received(0, 1 << 30));
    assert_eq!(told(&credit), []);
}

#[test]
fn several_hold_half_of_the_window_together_at_most() {
    let credit = credit(Some(1200));
    assert_eq!(credit.allot(0, 1), u64::MAX);
    for (sharers, most) in [(2, 300), (3, 200), (6, 100)] {
        assert_eq!(credit.allot(0, sharers), most);
    }
}

#[test]
fn of_a_lane_that_conflates_several_hold_a_quarter_of_the_least_window_each() {
    for (window, least) in [(WINDOW, 8192), (4096, 4096)] {
        let credit = credit(Some(window));
        credit.set_conflates(1, true);
        assert_eq!(credit.allot(1, 1), u64::MAX);
        // Half of it waits, and half is what the callback is called with.
        for (sharers, part) in [(2, 4), (3, 6), (8, 16)] {
            assert_eq!(credit.allot(1, sharers), least / part / 2, "of {window}");
        }
    }
}

#[test]
fn who_is_about_to_share_a_lane_counts_already() {
    let credit = credit(Some(WINDOW));
    credit.set_conflates(1, true);
    let asked = [credit.comes_to_share(1), credit.comes_to_share(1)];
    assert_eq!(credit.allot(1, 1), 682, "of three");
    assert_eq!(credit.part(1, 2), 1024, "of two, whoever else is asked");
    let [first, second] = asked;
    drop(first);
    assert_eq!(credit.allot(1, 1), 1024, "another one is still asked");
    drop(second);
    assert_eq!(credit.allot(1, 1), u64::MAX);
}

#[test]
fn who_is_about_to_share_a_lane_that_keeps_everything_changes_nothing() {
    let credit = credit(Some(WINDOW));
    let _asked = credit.comes_to_share(1);
    assert_eq!(credit.allot(1, 1), u64::MAX);
}

/// What is told now, and after how long more is, in milliseconds.
fn told_and_after(credit: &Credit) -> (Vec<(u8, u64, u64)>, Option<u128>) {
    let mut told = Vec::new();
    let cx = Context::from_waker(Waker::noop());
    let tell = |Consumed { lane, frames, bytes }| told.push((lane, frames, bytes));
    let after = credit.poll_due(&cx, tell);
    (told, after.map(|after| after.as_millis()))
}

#[tokio::test(start_paused = true)]
async fn what_was_finished_beside_one_that_holds_is_told_after_a_while() {
    let credit = credit(Some(WINDOW));
    credit.set_conflates(1, true);
    credit.allot(1, 2);
    tokio::time::advance(Duration::from_secs(1)).await;
    drop(credit.received(1, 2048));
    assert_eq!(told_and_after(&credit), (vec![(1, 1, 2048)], None));
    let held = credit.received(1, 1000);
    tokio::time::advance(Duration::from_millis(3)).await;
    drop(credit.received(1, 2047));
    assert_eq!(told_and_after(&credit), (vec![], None), "it is too little");
    drop(credit.received(1, 5000));
    assert_eq!(told_and_after(&credit), (vec![], Some(7)));
    tokio::time::advance(Duration::from_millis(7)).await;
    assert_eq!(told_and_after(&credit), (vec![(1, 4, 9095)], None));
    drop(held);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(told_and_after(&credit), (vec![], None), "there is nothing to wait for");
}

#[tokio::test(start_paused = true)]
async fn who_keeps_up_or_has_a_lane_to_itself_needs_no_timer() {
    let credit = credit(Some(WINDOW));
    for (lane, sharers) in [(1, 2), (2, 1)] {
        credit.set_conflates(lane, true);
        credit.allot(lane, sharers);
    }
    let _held = credit.received(2, 1000);
    for step in 1..=1000 {
        for lane in [1, 2] {
            drop(credit.received(lane, 700));
        }
        assert_eq!(told_and_after(&credit).1, None, "step {step}");
        tokio::time::advance(Duration::from_millis(1)).await;
    }
}
