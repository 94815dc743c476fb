//! A picture of lines, dots and words, as SVG.

use std::fmt::Write as _;

/// The colour of words.
pub const INK: &str = "#222222";
/// The colour of lines to measure by.
pub const GRID: &str = "#e6e6e6";

/// Something to draw on. The origin is above and to the left; a unit is a pixel.
#[derive(Debug)]
pub struct Drawing {
    size: (f64, f64),
    body: String,
}

/// A place in a drawing.
pub type Point = (f64, f64);

/// Where a text stands beside its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// It begins there.
    Start,
    /// Its middle is there.
    Middle,
    /// It ends there.
    End,
}

impl Drawing {
    /// A white one of this width and height.
    pub fn new(width: f64, height: f64) -> Self {
        let mut drawing = Self { size: (width, height), body: String::new() };
        drawing.rectangle((0.0, 0.0), (width, height), "#ffffff");
        drawing
    }

    /// A filled rectangle from one corner to the opposite one.
    pub fn rectangle(&mut self, from: Point, to: Point, colour: &str) {
        let (width, height) = (to.0 - from.0, to.1 - from.1);
        self.add(format_args!(
            r#"<rect x="{:.1}" y="{:.1}" width="{width:.1}" height="{height:.1}" fill="{colour}"/>"#,
            from.0, from.1
        ));
    }

    /// A straight line.
    pub fn line(&mut self, from: Point, to: Point, colour: &str, width: f64) {
        self.add(format_args!(
            r#"<line x1="{:.1}" y1="{:.1}" x2="{:.1}" y2="{:.1}" stroke="{colour}" stroke-width="{width}"/>"#,
            from.0, from.1, to.0, to.1
        ));
    }

    /// A line through points.
    pub fn curve(&mut self, points: &[Point], colour: &str, width: f64) {
        let points: Vec<_> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        self.add(format_args!(
            r#"<polyline points="{}" fill="none" stroke="{colour}" stroke-width="{width}"/>"#,
            points.join(" ")
        ));
    }

    /// A filled dot.
    pub fn dot(&mut self, at: Point, radius: f64, colour: &str) {
        self.add(format_args!(
            r#"<circle cx="{:.1}" cy="{:.1}" r="{radius}" fill="{colour}"/>"#,
            at.0, at.1
        ));
    }

    /// A circle that is white inside.
    pub fn ring(&mut self, at: Point, radius: f64, colour: &str, width: f64) {
        self.add(format_args!(
            r##"<circle cx="{:.1}" cy="{:.1}" r="{radius}" fill="#ffffff" stroke="{colour}" stroke-width="{width}"/>"##,
            at.0, at.1
        ));
    }

    /// Words.
    pub fn text(&mut self, at: Point, anchor: Anchor, size: f64, colour: &str, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        self.add(format_args!(
            r#"<text x="{:.1}" y="{:.1}" text-anchor="{anchor}" font-size="{size}" fill="{colour}">{text}</text>"#,
            at.0, at.1
        ));
    }

    /// The picture.
    pub fn finish(self) -> String {
        let (width, height) = self.size;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\">\n{}</svg>\n",
            self.body
        )
    }

    fn add(&mut self, element: std::fmt::Arguments<'_>) {
        // Writing to a string doesn't fail.
        let _ = writeln!(self.body, "{element}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_cannot_break_out_of_a_picture() {
        let mut drawing = Drawing::new(10.0, 10.0);
        drawing.text((1.0, 2.0), Anchor::Start, 12.0, "#000000", "a < b & c");
        assert!(drawing.finish().contains("a &lt; b &amp; c"));
    }
}
