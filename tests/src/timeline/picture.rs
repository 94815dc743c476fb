//! A timeline as a picture: a row for each key, time from left to right.
//!
//! In a row the upper rail has a tick for each message that was published, the lower one a dot for
//! each that arrived, and a line joins the two: the flatter it is, the older was the value. What
//! became one message joins in one dot. A number below the lower rail is a gap: so many messages were
//! left out there, and told.

mod legend;

use broker_protocol::frame::GapReason;

use super::{Load, Missing, Timeline};
use crate::drawing::{Anchor, Drawing, GRID, INK, Point};

const WIDTH: f64 = 1000.0;
const LEFT: f64 = 120.0;
const RIGHT: f64 = 975.0;
const TOP: f64 = 92.0;
const ROW: f64 = 64.0;
/// From the upper rail to the lower one.
const FALL: f64 = 28.0;
const DOT: f64 = 3.0;

const FAINT: &str = "#bbbbbb";
const PUBLISHED: &str = "#7a7a7a";
const DELIVERED: &str = "#1f77b4";
const WAY: &str = "#9dc3e3";
const REPLAYED: &str = "#2ca02c";
const PAUSE: &str = "#f4f4f4";
const CUT: &str = "#fbe3e3";
const BURST: &str = "#fdf3dc";

/// The colour of what was told for a reason.
fn colour(reason: GapReason) -> &'static str {
    match reason {
        GapReason::Conflated => "#b35900",
        GapReason::Merged => "#7b4fa3",
        _ => "#d62728",
    }
}

impl Timeline {
    /// Draws it.
    pub fn draw(&self, title: &str, load: &Load) -> String {
        let page = Page { load };
        let mut drawing = Drawing::new(WIDTH, page.bottom() + 66.0);
        page.frame(&mut drawing);
        drawing.text((LEFT, 28.0), Anchor::Start, 18.0, INK, title);
        drawing.text((LEFT, 50.0), Anchor::Start, 13.0, INK, &self.books());
        self.ways(&page, &mut drawing);
        for one in self.published.iter().filter(|one| one.at >= 0.0) {
            let (x, y) = (page.across(one.at), page.rail(one.key));
            drawing.line((x, y - 6.0), (x, y), PUBLISHED, 1.2);
        }
        self.dots(&page, &mut drawing);
        self.gaps.iter().filter(|gap| gap.at >= 0.0).for_each(|gap| page.gap(&mut drawing, gap));
        self.legend(&mut drawing, page.bottom() + 50.0);
        drawing.finish()
    }

    /// From publications to deliveries; what was merged comes from each that is in it.
    fn ways(&self, page: &Page<'_>, drawing: &mut Drawing) {
        let joins = self.told(GapReason::Merged) > 0;
        let mut last = vec![None; page.load.keys.len()];
        for one in self.delivered.iter().filter(|one| !one.is_replayed) {
            let published = self.published[one.place];
            let before = last[published.key].replace(one.place);
            let first = if joins { before.map_or(0, |place| place + 1) } else { one.place };
            for from in self.published.get(first..=one.place).unwrap_or_default() {
                if one.at >= 0.0 && from.key == published.key {
                    page.way(drawing, published.key, (from.at, one.at));
                }
            }
        }
    }

    fn dots(&self, page: &Page<'_>, drawing: &mut Drawing) {
        for one in self.delivered.iter().filter(|one| one.at >= 0.0) {
            let at = (page.across(one.at), page.rail(self.published[one.place].key) + FALL);
            match one.is_replayed {
                true => drawing.ring(at, DOT + 1.0, REPLAYED, 2.0),
                false => drawing.dot(at, DOT, DELIVERED),
            }
        }
    }

    /// The books of the whole run, and how old values were, in one line.
    fn books(&self) -> String {
        let mut ages: Vec<f64> = self.ages().collect();
        ages.sort_by(f64::total_cmp);
        let median = ages.get(ages.len() / 2).copied().unwrap_or_default();
        let oldest = ages.last().copied().unwrap_or_default();
        let replayed = self.delivered.iter().filter(|one| one.is_replayed).count();
        let mut books = format!(
            "{} published = {} delivered",
            self.published.len(),
            self.delivered.len() - replayed
        );
        for (reason, word) in [
            (GapReason::Conflated, "conflated"),
            (GapReason::Merged, "merged"),
            (GapReason::Dropped, "dropped"),
        ] {
            let count = self.told(reason);
            if count > 0 {
                books += &format!(" + {count} {word}");
            }
        }
        if replayed > 0 {
            books += &format!("; {replayed} sent anew");
        }
        books + &format!("; age on arrival: median {median:.1} s, at most {oldest:.1} s")
    }
}

/// Where things stand.
struct Page<'a> {
    load: &'a Load,
}

impl Page<'_> {
    fn shown(&self) -> f64 {
        (self.load.published + self.load.pause).as_secs_f64()
    }

    fn bottom(&self) -> f64 {
        TOP + ROW * self.load.keys.len() as f64
    }

    fn across(&self, at: f64) -> f64 {
        LEFT + (RIGHT - LEFT) * at / self.shown()
    }

    /// The height of a key's upper rail.
    fn rail(&self, key: usize) -> f64 {
        TOP + ROW * key as f64 + 12.0
    }

    fn frame(&self, drawing: &mut Drawing) {
        let published = self.load.published.as_secs_f64();
        let silence = self.shown() - published;
        self.band(drawing, (published, silence), PAUSE, "nothing is published any more");
        if let Some((at, lasts)) = self.load.cut {
            let band = (at.as_secs_f64(), lasts.as_secs_f64());
            self.band(drawing, band, CUT, "no connection");
        }
        if let Some(burst) = self.load.burst {
            let band = (burst.begins.as_secs_f64(), burst.lasts.as_secs_f64());
            self.band(drawing, band, BURST, &format!("{} times as much", burst.times));
        }
        let bottom = self.bottom();
        for second in 0..=self.shown() as usize {
            let x = self.across(second as f64);
            drawing.line((x, TOP - 8.0), (x, bottom), GRID, 1.0);
            drawing.text((x, bottom + 16.0), Anchor::Middle, 12.0, INK, &second.to_string());
        }
        drawing.text((RIGHT, bottom + 34.0), Anchor::End, 12.0, INK, "seconds");
        for (key, (name, _)) in self.load.keys.iter().enumerate() {
            let rail = self.rail(key);
            drawing.text((LEFT - 10.0, rail + 18.0), Anchor::End, 12.0, INK, name);
            for y in [rail, rail + FALL] {
                drawing.line((LEFT, y), (RIGHT, y), FAINT, 0.8);
            }
        }
    }

    /// A time in which something is different.
    fn band(&self, drawing: &mut Drawing, (begins, lasts): (f64, f64), colour: &str, what: &str) {
        let (from, to) = (self.across(begins), self.across(begins + lasts));
        drawing.rectangle((from, TOP - 8.0), (to, self.bottom()), colour);
        // What is broad enough begins with its words; else they end at the right edge.
        let (x, anchor) =
            if from > RIGHT - 220.0 { (RIGHT, Anchor::End) } else { (from, Anchor::Start) };
        drawing.text((x, TOP - 14.0), anchor, 12.0, INK, what);
    }

    /// From a publication to its delivery; what was published before anything is shown comes in from
    /// the left.
    fn way(&self, drawing: &mut Drawing, key: usize, (published, delivered): (f64, f64)) {
        let rail = self.rail(key);
        let from: Point = if published >= 0.0 {
            (self.across(published), rail)
        } else {
            let passed = -published / (delivered - published);
            (LEFT, rail + FALL * passed)
        };
        drawing.line(from, (self.across(delivered), rail + FALL), WAY, 1.0);
    }

    fn gap(&self, drawing: &mut Drawing, gap: &Missing) {
        let Some(key) = gap.key else { return };
        let at = (self.across(gap.at), self.rail(key) + FALL + 13.0);
        drawing.text(at, Anchor::Middle, 9.0, colour(gap.reason), &format!("−{}", gap.count));
    }
}
