//! Rows of a table, for people.

use std::fmt;

/// Writes rows below the heads of their columns. A head says whether its column holds words: these begin
/// at the left.
pub(super) fn write_columns<const COLUMNS: usize>(
    f: &mut fmt::Formatter<'_>,
    heads: &[(&str, bool); COLUMNS],
    rows: &[[String; COLUMNS]],
) -> fmt::Result {
    let names = heads.map(|(head, _)| head.to_owned());
    let width = |column: usize| {
        let cells = rows.iter().chain([&names]).map(|row| row[column].chars().count());
        cells.max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..COLUMNS).map(width).collect();
    let line = |row: &[String; COLUMNS]| {
        let cells = row.iter().zip(heads).zip(&widths).map(|((cell, (_, words)), width)| {
            if *words { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    std::iter::once(&names).chain(rows).try_for_each(|row| writeln!(f, "{}", line(row)))
}
