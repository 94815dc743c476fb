//! Times, as attributes have them: `"250ms"`, `"30s"`, `"2min"`.

use syn::LitStr;

/// Reads a time, in milliseconds.
pub(crate) fn milliseconds(text: &LitStr) -> syn::Result<u64> {
    let written = text.value();
    let at = written.find(|one: char| !one.is_ascii_digit()).unwrap_or(written.len());
    let (number, unit) = written.split_at(at);
    let unit = match unit.trim() {
        "ms" => 1,
        "s" => 1_000,
        "min" => 60_000,
        _ => 0,
    };
    let time = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    time.filter(|time| *time > 0).ok_or_else(|| {
        syn::Error::new(text.span(), "write a time as \"250ms\", \"30s\" or \"2min\"")
    })
}
