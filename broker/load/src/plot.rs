//! The latencies of a run as a picture.

use plotters::prelude::*;

use crate::Report;

/// The size of the picture, in pixels.
const SIZE: (u32, u32) = (800, 480);
/// As many nines are shown: 99.99 %.
const NINES: f64 = 4.0;

/// No picture came about.
#[derive(Debug, thiserror::Error)]
#[error("no picture: {0}")]
pub struct PlotError(String);

/// Draws how the latencies of a run are distributed, as SVG: the share of deliveries that took
/// longer, each nine as wide as the one before, over the time that they took.
///
/// # Errors
/// If the run has no latencies.
pub fn plot(report: &Report) -> Result<String, PlotError> {
    let measured =
        report.measured.as_ref().ok_or_else(|| PlotError("nothing was measured".into()))?;
    let mut svg = String::new();
    let curves = [("a delivery", &measured.latency), ("to the last subscriber", &measured.to_last)];
    let points = curves.map(|(name, one)| (name, nines(&one.quantiles)));
    let slowest = points.iter().flat_map(|(_, points)| points).map(|(_, time)| *time);
    let slowest = slowest.fold(0.0, f64::max);
    if slowest == 0.0 {
        return Err(PlotError("no latencies were recorded".into()));
    }
    draw(&mut svg, report, &points, slowest).map_err(|error| PlotError(error.to_string()))?;
    Ok(svg)
}

/// Quantiles as nines: 0.9 is 1, 0.99 is 2; times in milliseconds.
fn nines(quantiles: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let nines =
        quantiles.iter().map(|(quantile, micros)| (-(1.0 - quantile).log10(), micros / 1e3));
    nines.filter(|(nines, _)| *nines <= NINES).collect()
}

type Curve = (&'static str, Vec<(f64, f64)>);

fn draw(
    svg: &mut String,
    report: &Report,
    curves: &[Curve],
    slowest: f64,
) -> Result<(), Box<dyn std::error::Error>> {
    let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let title = format!(
        "{} subscribers, {} B: latency from when a message was due",
        report.subscribers, report.payload_bytes
    );
    let mut chart = ChartBuilder::on(&root)
        .caption(title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(44)
        .y_label_area_size(64)
        .build_cartesian_2d(0.0..NINES, 0.0..slowest * 1.05)?;
    chart
        .configure_mesh()
        .x_labels(NINES as usize + 1)
        .x_label_formatter(&|nines| percent(*nines))
        .x_desc("deliveries that took at most this long")
        .y_desc("milliseconds")
        .draw()?;
    for (place, (name, points)) in curves.iter().enumerate() {
        if points.is_empty() {
            continue;
        }
        let colour = Palette99::pick(place).to_rgba();
        chart
            .draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(2)))?
            .label(*name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE)
        .draw()?;
    root.present()?;
    Ok(())
}

fn percent(nines: f64) -> String {
    let percent = 100.0 * (1.0 - 10f64.powf(-nines));
    let text = format!("{percent:.4}");
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_nine_is_named() {
        assert_eq!([0.0, 1.0, 2.0, 3.0].map(percent), ["0 %", "90 %", "99 %", "99.9 %"]);
    }
}
