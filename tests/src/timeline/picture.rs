//! A timeline as a picture: a row for each key, time from left to right.
//!
//! In a row the upper rail has a tick for each message that was published, the lower one a dot for
//! each that arrived, and a line joins the two: the flatter it is, the older was the value. A number
//! below the lower rail is a gap: so many messages were left out there, and told.

use broker_protocol::frame::GapReason;

use super::{Load, Missing, Timeline};
use crate::drawing::{Anchor, Drawing, Point};

const WIDTH: f64 = 1000.0;
const LEFT: f64 = 120.0;
const RIGHT: f64 = 975.0;
const TOP: f64 = 92.0;
const ROW: f64 = 64.0;
/// From the upper rail to the lower one.
const FALL: f64 = 28.0;

const INK: &str = "#222222";
const FAINT: &str = "#bbbbbb";
const PUBLISHED: &str = "#7a7a7a";
const DELIVERED: &str = "#1f77b4";
const WAY: &str = "#9dc3e3";
const CONFLATED: &str = "#b35900";
const DROPPED: &str = "#d62728";
const PAUSE: &str = "#f4f4f4";

impl Timeline {
    /// Draws it.
    pub fn draw(&self, title: &str, load: &Load) -> String {
        let page = Page { load };
        let mut drawing = Drawing::new(WIDTH, page.bottom() + 66.0);
        page.frame(&mut drawing, title, &self.summary());
        for (place, at) in self.delivered.iter().filter(|(_, at)| *at >= 0.0) {
            let (key, published) = self.published[*place];
            page.way(&mut drawing, key, (published, *at));
        }
        for (key, at) in self.published.iter().filter(|(_, at)| *at >= 0.0) {
            let (x, y) = (page.across(*at), page.rail(*key));
            drawing.line((x, y - 6.0), (x, y), PUBLISHED, 1.2);
        }
        for (place, at) in self.delivered.iter().filter(|(_, at)| *at >= 0.0) {
            let (key, _) = self.published[*place];
            drawing.dot((page.across(*at), page.rail(key) + FALL), 3.0, DELIVERED);
        }
        self.gaps.iter().filter(|gap| gap.at >= 0.0).for_each(|gap| page.gap(&mut drawing, gap));
        drawing.finish()
    }

    /// What there is to see, in one line.
    fn summary(&self) -> String {
        let mut ages: Vec<f64> = self.ages().collect();
        ages.sort_by(f64::total_cmp);
        let median = ages.get(ages.len() / 2).copied().unwrap_or_default();
        let oldest = ages.last().copied().unwrap_or_default();
        let told = |reason| -> u64 {
            let gaps = self.gaps.iter().filter(|gap| gap.at >= 0.0 && gap.reason == reason);
            gaps.map(|gap| gap.count).sum()
        };
        let published = self.published.iter().filter(|(_, at)| *at >= 0.0).count();
        let (conflated, dropped) = (told(GapReason::Conflated), told(GapReason::Dropped));
        format!(
            "{published} published, {} delivered, {conflated} conflated, {dropped} dropped; \
             age when delivered: median {median:.1} s, at most {oldest:.1} s",
            ages.len()
        )
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

    fn frame(&self, drawing: &mut Drawing, title: &str, summary: &str) {
        let (bottom, published) = (self.bottom(), self.load.published.as_secs_f64());
        drawing.rectangle((self.across(published), TOP - 8.0), (RIGHT, bottom), PAUSE);
        drawing.text((LEFT, 28.0), Anchor::Start, 18.0, INK, title);
        drawing.text((LEFT, 50.0), Anchor::Start, 13.0, INK, summary);
        let pause = (self.across(published) + 6.0, TOP - 14.0);
        drawing.text(pause, Anchor::Start, 12.0, INK, "nothing is published any more");
        for second in 0..=self.shown() as usize {
            let x = self.across(second as f64);
            drawing.line((x, TOP - 8.0), (x, bottom), "#e6e6e6", 1.0);
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
        self.legend(drawing, bottom + 50.0);
    }

    fn legend(&self, drawing: &mut Drawing, y: f64) {
        let mut word = |x: f64, text: &str| drawing.text((x, y), Anchor::Start, 12.0, INK, text);
        word(LEFT + 12.0, "published");
        word(LEFT + 112.0, "delivered; the line comes from its publication");
        word(LEFT + 440.0, "so many were replaced by newer ones");
        word(LEFT + 712.0, "so many were dropped");
        drawing.line((LEFT + 4.0, y - 9.0), (LEFT + 4.0, y), PUBLISHED, 1.2);
        drawing.dot((LEFT + 102.0, y - 4.0), 3.0, DELIVERED);
        drawing.text((LEFT + 434.0, y), Anchor::End, 12.0, CONFLATED, "−3");
        drawing.text((LEFT + 706.0, y), Anchor::End, 12.0, DROPPED, "−3");
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
        let colour = if gap.reason == GapReason::Conflated { CONFLATED } else { DROPPED };
        let at = (self.across(gap.at), self.rail(key) + FALL + 13.0);
        drawing.text(at, Anchor::Middle, 9.0, colour, &format!("−{}", gap.count));
    }
}
