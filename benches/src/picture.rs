//! Curves on logarithmic axes, as SVG.

use anyhow::anyhow;
use plotters::prelude::*;

/// The size of a picture, in pixels.
const SIZE: (u32, u32) = (800, 480);
/// How far axes go beyond the points, as a factor.
const RIM: f64 = 1.3;
/// How much of the height each name of a curve needs, above all curves.
const NAME_HEIGHT: f64 = 0.05;
/// The colours of curves, in their order: apart in darkness too.
const COLOURS: [RGBColor; 5] = [
    RGBColor(31, 119, 180),
    RGBColor(214, 39, 40),
    RGBColor(23, 120, 60),
    RGBColor(255, 127, 14),
    RGBColor(75, 40, 130),
];

/// A picture: curves on two logarithmic axes.
#[derive(Debug, Clone)]
pub struct Picture {
    /// What it shows.
    pub title: String,
    /// What the horizontal axis counts.
    pub across: &'static str,
    /// What the vertical axis counts.
    pub up: &'static str,
    /// The curves, with their names.
    pub curves: Vec<(String, Vec<(f64, f64)>)>,
}

impl Picture {
    /// Draws it.
    ///
    /// # Errors
    /// If there is no point with both coordinates above zero.
    pub fn draw(&self) -> anyhow::Result<String> {
        let points = || self.curves.iter().flat_map(|(_, points)| points);
        let across = range(points().map(|point| point.0)).ok_or_else(|| self.empty())?;
        let up = range(points().map(|point| point.1)).ok_or_else(|| self.empty())?;
        let up = decade_below(up.start)..up.end;
        let names = NAME_HEIGHT * self.curves.len() as f64;
        let up = up.start..up.end * (up.end / up.start).powf(names / (1.0 - names));
        let mut svg = String::new();
        let drawn = self.draw_on(SVGBackend::with_string(&mut svg, SIZE), (across, up));
        drawn.map_err(|error| anyhow!("{}: {error}", self.title))?;
        Ok(svg)
    }

    fn empty(&self) -> anyhow::Error {
        anyhow!("{}: nothing to draw", self.title)
    }

    fn draw_on(
        &self,
        backend: SVGBackend<'_>,
        (across, up): (std::ops::Range<f64>, std::ops::Range<f64>),
    ) -> Result<(), Box<dyn std::error::Error>> {
        let root = backend.into_drawing_area();
        root.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&root)
            .caption(&self.title, ("sans-serif", 18))
            .margin(12)
            .x_label_area_size(44)
            .y_label_area_size(64)
            .build_cartesian_2d(across.log_scale(), up.log_scale())?;
        chart
            .configure_mesh()
            .light_line_style(WHITE)
            .x_label_formatter(&|number| label(*number))
            .y_label_formatter(&|number| label(*number))
            .x_desc(self.across)
            .y_desc(self.up)
            .draw()?;
        for (place, (name, points)) in self.curves.iter().enumerate() {
            let colour = COLOURS[place % COLOURS.len()];
            chart
                .draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(2)))?
                .label(name)
                .legend(move |(x, y)| {
                    PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2))
                });
            let dot = |point: &(f64, f64)| Circle::new(*point, 3, colour.filled());
            chart.draw_series(points.iter().map(dot))?;
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .background_style(WHITE)
            .draw()?;
        root.present()?;
        Ok(())
    }
}

fn range(values: impl Iterator<Item = f64>) -> Option<std::ops::Range<f64>> {
    let mut range: Option<(f64, f64)> = None;
    for value in values.filter(|value| *value > 0.0) {
        let (low, high) = range.unwrap_or((value, value));
        range = Some((low.min(value), high.max(value)));
    }
    range.map(|(low, high)| low / RIM..high * RIM)
}

/// The power of ten below: an axis that begins there has two numbers at least.
fn decade_below(value: f64) -> f64 {
    10f64.powf(value.log10().floor())
}

/// A number as it stands at an axis: 0.01, 100, 10,000.
fn label(number: f64) -> String {
    if number < 1.0 {
        let text = format!("{number:.3}");
        return text.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_at_the_axes_are_readable() {
        assert_eq!([0.01, 1.0, 100.0, 65_536.0].map(label), ["0.01", "1", "100", "65,536"]);
    }

    #[test]
    fn a_picture_without_points_is_refused() {
        let picture = Picture { title: "t".into(), across: "x", up: "y", curves: Vec::new() };
        assert!(picture.draw().is_err());
    }

    #[test]
    fn curves_and_their_names_are_drawn() {
        let curves = vec![("flood".to_owned(), vec![(1.0, 0.1), (1000.0, 10.0)])];
        let picture = Picture { title: "cost".into(), across: "x", up: "y", curves };
        let svg = picture.draw().expect("there are points");
        assert!(svg.starts_with("<svg") && svg.contains("flood") && svg.contains("polyline"));
    }
}
