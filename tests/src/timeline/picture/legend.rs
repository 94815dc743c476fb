//! What the signs mean, of those that a picture has.

use broker_protocol::frame::GapReason;

use super::{DELIVERED, DOT, INK, LEFT, PUBLISHED, REPLAYED, Timeline, colour};
use crate::drawing::{Anchor, Drawing};

/// How broad a letter is, about.
const LETTER: f64 = 6.1;

/// Between two entries.
const BETWEEN: f64 = 26.0;

/// What is told, and what it means.
const REASONS: [(GapReason, &str); 3] = [
    (GapReason::Conflated, "so many were replaced by newer ones"),
    (GapReason::Merged, "so many are in the next one"),
    (GapReason::Dropped, "so many were dropped"),
];

impl Timeline {
    pub(super) fn legend(&self, drawing: &mut Drawing, y: f64) {
        let mut x = LEFT;
        let mut entry = |drawing: &mut Drawing, sign: f64, words: &str| {
            drawing.text((x + sign, y), Anchor::Start, 12.0, INK, words);
            let begins = x;
            x += sign + LETTER * words.len() as f64 + BETWEEN;
            begins
        };
        let at = entry(drawing, 10.0, "published");
        drawing.line((at + 3.0, y - 9.0), (at + 3.0, y), PUBLISHED, 1.2);
        let at = entry(drawing, 12.0, "delivered; the line comes from its publication");
        drawing.dot((at + 3.0, y - 4.0), DOT, DELIVERED);
        if self.delivered.iter().any(|one| one.is_replayed) {
            let at = entry(drawing, 14.0, "the last value, sent anew");
            drawing.ring((at + 4.0, y - 4.0), DOT + 1.0, REPLAYED, 2.0);
        }
        for (reason, words) in REASONS {
            if self.told(reason) > 0 {
                let at = entry(drawing, 23.0, words);
                drawing.text((at, y), Anchor::Start, 12.0, colour(reason), "−3");
            }
        }
    }
}
