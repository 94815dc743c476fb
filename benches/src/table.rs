//! Tables for people: lines of Markdown.

/// Prints rows under their columns as a Markdown table. Numbers stand at the right.
pub fn print_table<const COLUMNS: usize>(
    title: &str,
    columns: [&str; COLUMNS],
    rows: &[[String; COLUMNS]],
) {
    println!("\n{title}\n");
    println!("| {} |", columns.join(" | "));
    let ruler = (0..COLUMNS).map(|place| {
        let text = |row: &[String; COLUMNS]| !row[place].starts_with(|c: char| c.is_ascii_digit());
        if rows.iter().all(text) { "---" } else { "---:" }
    });
    println!("|{}|", ruler.collect::<Vec<_>>().join("|"));
    for row in rows {
        println!("| {} |", row.join(" | "));
    }
}

/// A large number, rounded to what people read.
pub fn count(number: f64) -> String {
    match number {
        ..1e3 => format!("{number:.0}"),
        ..1e6 => format!("{:.1} k", number / 1e3),
        ..1e9 => format!("{:.2} M", number / 1e6),
        _ => format!("{:.2} G", number / 1e9),
    }
}

/// Microseconds, to the nanosecond where that is much.
pub fn micros(micros: f64) -> String {
    match micros {
        ..1.0 => format!("{micros:.4}"),
        ..100.0 => format!("{micros:.2}"),
        _ => format!("{micros:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_to_what_people_read() {
        assert_eq!([999.0, 1500.0, 2.5e6, 3e9].map(count), ["999", "1.5 k", "2.50 M", "3.00 G"]);
        assert_eq!([0.01234, 2.345, 123.4].map(micros), ["0.0123", "2.35", "123"]);
    }
}
