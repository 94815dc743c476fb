//! Times, as attributes have them: `"250ms"`, `"30s"`, `"2min"`.

use proc_macro2::Span;
use syn::LitStr;
use syn::parse::ParseStream;

const HOW: &str = "write a time as \"250ms\", \"30s\" or \"2min\"";

/// Reads a time, in milliseconds, and where it stands.
pub(crate) fn milliseconds(input: ParseStream<'_>) -> syn::Result<(u64, Span)> {
    let text: LitStr = input.parse().map_err(|error| syn::Error::new(error.span(), HOW))?;
    let time = read(&text.value()).ok_or_else(|| syn::Error::new(text.span(), HOW))?;
    Ok((time, text.span()))
}

fn read(written: &str) -> Option<u64> {
    let at = written.find(|one: char| !one.is_ascii_digit()).unwrap_or(written.len());
    let (number, unit) = written.split_at(at);
    let unit = match unit.trim() {
        "ms" => 1,
        "s" => 1_000,
        "min" => 60_000,
        _ => return None,
    };
    let time = number.parse::<u64>().ok()?.checked_mul(unit)?;
    (time > 0).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_number_above_nothing_and_its_unit() {
        assert_eq!(read("250ms"), Some(250));
        assert_eq!(read("30s"), Some(30_000));
        assert_eq!(read("2 min"), Some(120_000));
        for wrong in ["", "ms", "5", "0s", "-1s", "1.5s", "1h", "307445734561825861min"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        assert!(read("307445734561825min").is_some());
    }
}
