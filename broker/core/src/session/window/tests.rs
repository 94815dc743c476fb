use super::marks::{LANE_BITS, MARKS_MAX, UNMARKED_BYTES_MAX};
use super::*;

const MILLISECOND: Duration = Duration::from_millis(1);

fn give_back(window: &mut Window, mark: u64, now: Duration, waits: bool) {
    let serial = window.serial_of(mark).expect("it is on its way");
    window.returned(serial, now, waits);
}

/// What became of a lane in the last ten of sixty seconds.
#[derive(Debug)]
struct Seen {
    /// The most that was on its way to the peer or waited there.
    most: u64,
    /// What the peer consumed.
    consumed: u64,
}

/// A lane that always waits, in front of a peer that consumes so many bytes in a millisecond and
/// whose answers need so many milliseconds more; that to the first mark needs `first`.
fn after_a_minute(rate: u64, trip: u32, first: u32) -> Seen {
    let mut window = Window::new(Duration::ZERO);
    let (mut consumed, mut before, mut most, mut serial) = (0, 0, 0, 1);
    let (mut way, mut returning) = (VecDeque::new(), VecDeque::new());
    window.sent(1);
    window.sent_mark(Duration::ZERO, 1);
    returning.push_back((1 << LANE_BITS, MILLISECOND * first));
    window.begins_to_wait(Duration::ZERO);
    for step in 0..60_000 {
        let now = MILLISECOND * step;
        while window.room() > 0 {
            window.sent(1000.min(window.room()) as usize);
            if let Some(mark) = window.due_mark(3, window.room() == 0, || false) {
                serial += 1;
                window.sent_mark(now, serial);
                way.push_back(mark);
            }
        }
        consumed = window.sent.min(consumed + rate);
        while let Some(mark) = way.pop_front_if(|mark| *mark >> LANE_BITS <= consumed) {
            returning.push_back((mark, now + MILLISECOND * trip));
        }
        while let Some((mark, _)) = returning.pop_front_if(|(_, at)| *at <= now) {
            give_back(&mut window, mark, now, true);
        }
        match step {
            49_999 => before = consumed,
            50_000.. => most = most.max(window.sent - consumed),
            _ => {}
        }
    }
    Seen { most, consumed: consumed - before }
}

/// The same for a peer that tells by itself, in steps of a quarter of the least window, and reads
/// marks at once.
fn told_for_a_minute(rate: u64, trip: u32) -> Seen {
    let mut window = Window::of_credit(Duration::ZERO, MOST_BYTES, (0, 0));
    let (mut consumed, mut told, mut before, mut most) = (0, 0, 0, 0);
    let (mut returning, mut marks, mut serial) = (VecDeque::new(), VecDeque::new(), 0);
    window.begins_to_wait(Duration::ZERO);
    for step in 0..60_000 {
        let now = MILLISECOND * step;
        while window.room() > 0 {
            window.sent(1000.min(window.room()) as usize);
            if window.due_mark(3, window.room() == 0, || false).is_some() {
                serial += 1;
                window.sent_mark(now, serial);
                marks.push_back((serial, now + MILLISECOND * trip));
            }
        }
        while let Some((serial, _)) = marks.pop_front_if(|(_, at)| *at <= now) {
            window.returned(serial, now, true);
        }
        consumed = window.sent.min(consumed + rate);
        if consumed - told >= LEAST_BYTES / 4 {
            told = consumed;
            returning.push_back((told, now + MILLISECOND * trip));
        }
        while let Some((told, _)) = returning.pop_front_if(|(_, at)| *at <= now) {
            window.told(told, now, true);
        }
        match step {
            49_999 => before = consumed,
            50_000.. => most = most.max(window.sent - consumed),
            _ => {}
        }
    }
    Seen { most, consumed: consumed - before }
}

#[test]
fn a_slow_peer_that_tells_is_busy_and_has_a_quarter_of_a_second_on_its_way() {
    let seen = told_for_a_minute(100, 0);
    assert!(seen.most <= 32_000 && seen.consumed >= 950_000, "{seen:?}");
}

#[test]
fn a_long_way_is_not_taken_for_a_narrow_one_where_the_peer_tells() {
    let seen = told_for_a_minute(100, 400);
    assert!(seen.consumed >= 850_000, "{seen:?}");
    assert!(seen.most <= 115_000, "{seen:?}");
}

#[test]
fn a_fast_peer_that_tells_is_not_held_up_and_a_very_slow_one_has_the_least_on_its_way() {
    let seen = told_for_a_minute(100_000, 1);
    assert!(seen.consumed >= 900_000_000, "{seen:?}");
    let seen = told_for_a_minute(2, 0);
    assert!(seen.most <= LEAST_BYTES + 1_000 && seen.consumed >= 18_000, "{seen:?}");
}

#[test]
fn a_slow_peer_is_busy_and_has_a_quarter_of_a_second_on_its_way() {
    let seen = after_a_minute(100, 0, 0);
    assert!(seen.most <= 30_000 && seen.consumed >= 950_000, "{seen:?}");
}

#[test]
fn a_round_trip_that_was_seen_on_a_full_link_is_soon_forgotten() {
    let seen = after_a_minute(100, 0, 5_000);
    assert!(seen.most <= 30_000 && seen.consumed >= 950_000, "{seen:?}");
}

#[test]
fn a_long_way_is_not_taken_for_a_narrow_one() {
    let seen = after_a_minute(100, 400, 400);
    assert!(seen.consumed >= 850_000, "{seen:?}");
    assert!(seen.most <= 110_000, "{seen:?}");
}

#[test]
fn a_very_slow_peer_has_the_least_on_its_way() {
    let seen = after_a_minute(2, 0, 10);
    assert!(seen.most <= LEAST_BYTES + 1_000 && seen.consumed >= 18_000, "{seen:?}");
}

#[test]
fn a_fast_peer_is_not_held_up() {
    let seen = after_a_minute(100_000, 1, 1);
    assert!(seen.consumed >= 900_000_000, "{seen:?}");
    assert!(seen.most <= MOST_BYTES, "{seen:?}");
}

#[test]
fn a_peer_that_keeps_up_never_loses_any_of_it() {
    let mut window = Window::new(Duration::ZERO);
    for step in 1..1000 {
        window.sent(20_000);
        let mark =
            window.due_mark(0, window.room() == 0, || false).expect("each is more than a quarter");
        window.sent_mark(MILLISECOND * 1000 * step, u64::from(step));
        window.fell_idle();
        give_back(&mut window, mark, MILLISECOND * 1000 * step, false);
        assert!(window.size >= START_BYTES);
    }
}

#[test]
fn a_mark_is_always_on_its_way_when_there_is_no_room() {
    let mut window = Window::new(Duration::ZERO);
    window.sent(1);
    assert!(
        window.due_mark(0, window.room() == 0, || false).is_some(),
        "the first packet is marked"
    );
    window.sent_mark(Duration::ZERO, 1);
    window.sent(START_BYTES as usize / 8);
    assert_eq!(window.due_mark(0, window.room() == 0, || false), None);
    window.size = LEAST_BYTES;
    assert_eq!(window.room(), 0);
    assert!(window.due_mark(0, window.room() == 0, || false).is_some());
}

#[test]
fn a_full_window_of_a_peer_that_tells_is_marked_only_where_another_lane_has_something() {
    let mut window = Window::of_credit(Duration::ZERO, MOST_BYTES, (0, 0));
    window.sent(1);
    assert!(
        window.due_mark(0, window.room() == 0, || false).is_some(),
        "how long the way is isn't known yet"
    );
    window.sent_mark(Duration::ZERO, 1);
    window.returned(1, MILLISECOND, true);
    window.sent(window.room() as usize);
    assert_eq!((window.room(), window.due_mark(0, window.room() == 0, || false)), (0, None));
    assert!(window.due_mark(0, true, || true).is_some());
}

#[test]
fn a_mark_that_was_never_sent_says_nothing() {
    let mut window = Window::new(Duration::ZERO);
    window.sent(START_BYTES as usize);
    window.sent_mark(Duration::ZERO, 1);
    assert_eq!((window.serial_of(u64::MAX), window.serial_of(5 << LANE_BITS)), (None, None));
    window.returned(0, MILLISECOND, true);
    assert_eq!(window.room(), 0);
}

#[test]
fn marks_that_nobody_answers_are_bounded_and_forgotten_in_the_end() {
    let mut window = Window::of_what_is_kept(Duration::ZERO, None);
    let mut serial = 0;
    let mut send = |window: &mut Window, times| {
        for _ in 0..times {
            window.sent(UNMARKED_BYTES_MAX as usize);
            if window.due_mark(1, false, || true).is_some() {
                serial += 1;
                window.sent_mark(Duration::ZERO, serial);
            }
        }
        window.marks.len()
    };
    assert_eq!(send(&mut window, 1000), MARKS_MAX);
    window.remind();
    assert_eq!(send(&mut window, 1), 1, "they are taken for lost, and the next tells");
}
