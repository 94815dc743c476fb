//! The memory of a run as a picture.

use super::{Load, Measured};
use crate::drawing::{Anchor, Drawing, GRID, INK};

const SIZE: (f64, f64) = (800.0, 400.0);
const LEFT: f64 = 70.0;
const RIGHT: f64 = 775.0;
const TOP: f64 = 70.0;
const BOTTOM: f64 = 340.0;

const TAKEN: &str = "#1f77b4";
const PUBLISHED: &str = "#d62728";

const MIB: f64 = (1 << 20) as f64;

impl Measured {
    /// Draws what the broker took over time, and beside it what was published by then.
    pub fn draw(&self, load: &Load) -> String {
        let mut drawing = Drawing::new(SIZE.0, SIZE.1);
        let taken: Vec<f64> = std::iter::once(self.idle_bytes)
            .chain(self.resident_bytes.iter().copied())
            .map(|bytes| bytes as f64 / MIB)
            .collect();
        let seconds = (taken.len() - 1).max(1) as f64;
        let top = nice(taken.iter().copied().fold(0.0, f64::max) * 1.6);
        let across = |second: f64| LEFT + (RIGHT - LEFT) * second / seconds;
        let up = |mib: f64| BOTTOM - (BOTTOM - TOP) * (mib / top).min(1.0);
        let title = format!(
            "{} subscribers that never read, {:.0} MB/s of {} KiB messages",
            load.stalled,
            load.bytes_per_second as f64 / 1e6,
            load.payload_bytes >> 10
        );
        drawing.text((LEFT, 28.0), Anchor::Start, 18.0, INK, &title);
        for step in 0..=5 {
            let mib = top * f64::from(step) / 5.0;
            drawing.line((LEFT, up(mib)), (RIGHT, up(mib)), GRID, 1.0);
            drawing.text((LEFT - 8.0, up(mib) + 4.0), Anchor::End, 12.0, INK, &format!("{mib:.0}"));
        }
        for second in (0..=seconds as usize).step_by(10) {
            let x = across(second as f64);
            drawing.text((x, BOTTOM + 18.0), Anchor::Middle, 12.0, INK, &second.to_string());
        }
        drawing.text((LEFT - 8.0, TOP - 14.0), Anchor::Start, 12.0, INK, "MiB");
        drawing.text((RIGHT, BOTTOM + 36.0), Anchor::End, 12.0, INK, "seconds");
        let published = |second: f64| second * load.bytes_per_second as f64 / MIB;
        let full = (top / published(1.0)).min(seconds);
        let line = [(across(0.0), up(0.0)), (across(full), up(published(full)))];
        drawing.curve(&line, PUBLISHED, 2.0);
        let points =
            taken.iter().enumerate().map(|(second, mib)| (across(second as f64), up(*mib)));
        drawing.curve(&points.collect::<Vec<_>>(), TAKEN, 2.0);
        let y = BOTTOM + 40.0;
        drawing.dot((LEFT, y - 4.0), 4.0, TAKEN);
        drawing.text((LEFT + 10.0, y), Anchor::Start, 12.0, INK, "the broker's resident memory");
        drawing.dot((LEFT + 230.0, y - 4.0), 4.0, PUBLISHED);
        let words = "what was published so far, once";
        drawing.text((LEFT + 240.0, y), Anchor::Start, 12.0, INK, words);
        drawing.finish()
    }
}

/// The next number of an axis that can be divided by five.
fn nice(value: f64) -> f64 {
    let unit = 10f64.powf(value.max(1.0).log10().floor());
    let steps = [1.0, 2.0, 2.5, 5.0, 10.0];
    steps.iter().map(|step| step * unit).find(|one| *one >= value).unwrap_or(10.0 * unit)
}
