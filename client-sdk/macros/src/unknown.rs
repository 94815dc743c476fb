//! Attributes that don't exist, and are most likely meant for one that does. Of all others the compiler
//! finds whether there are such.

use syn::Attribute;

/// The attributes of a method.
pub(crate) const OURS: [&str; 4] = ["keep", "lane", "timeout", "expires_in"];

/// What is said within one of them, and how; and what others call it.
const WITHIN: [(&str, &str); 11] = [
    ("latest", "keep(latest)"),
    ("all", "keep(all)"),
    ("key", "keep(latest, key = argument)"),
    ("priority", "lane(priority = 7)"),
    ("min_interval", "lane(min_interval = \"50ms\")"),
    ("bound_messages", "lane(bound_messages = 100)"),
    ("bound_bytes", "lane(bound_bytes = 65536)"),
    ("drop_oldest", "lane(drop_oldest)"),
    ("unreliable", "lane(unreliable)"),
    ("conflate", "keep(latest)"),
    ("ttl", "expires_in(\"5s\")"),
];

/// Complains about one, if it is known what is meant.
pub(crate) fn check(attribute: &Attribute) -> syn::Result<()> {
    let path = attribute.path();
    let Some(word) = path.get_ident().map(ToString::to_string) else { return Ok(()) };
    let Some(meant) = meant(&word) else { return Ok(()) };
    let message = format!("there is no attribute `{word}`: write `#[{meant}]`");
    Err(syn::Error::new_spanned(path, message))
}

/// What is to be written for this word.
fn meant(word: &str) -> Option<&'static str> {
    if OURS.contains(&word) {
        return None;
    }
    within(word).or_else(|| nearest(word).map(how))
}

/// How something is said that stands within an attribute.
pub(crate) fn within(word: &str) -> Option<&'static str> {
    WITHIN.iter().find(|(one, _)| *one == word).map(|(_, how)| *how)
}

/// How an attribute is written, most of the time.
fn how(attribute: &str) -> &'static str {
    match attribute {
        "keep" => "keep(latest)",
        "lane" => "lane(priority = 7)",
        "timeout" => "timeout(\"30s\")",
        _ => "expires_in(\"5s\")",
    }
}

/// The one of ours of which a word has few letters wrong.
fn nearest(word: &str) -> Option<&'static str> {
    let near = OURS.iter().map(|one| (distance(word, one), *one));
    let (letters, nearest) = near.min()?;
    (letters <= nearest.len() / 3).then_some(nearest)
}

/// How many letters are added, left out or put for others (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (above, letter) in one.chars().enumerate() {
        let mut corner = std::mem::replace(&mut row[0], above + 1);
        for (place, beside) in other.iter().enumerate() {
            let put = corner + usize::from(letter != *beside);
            corner = row[place + 1];
            row[place + 1] = put.min(corner + 1).min(row[place] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_nearly_one_of_ours_is_meant() {
        for (word, how) in [
            ("kep", "keep(latest)"),
            ("keeps", "keep(latest)"),
            ("expire_in", "expires_in(\"5s\")"),
            ("expires", "expires_in(\"5s\")"),
            ("time_out", "timeout(\"30s\")"),
            ("priority", "lane(priority = 7)"),
        ] {
            assert_eq!(meant(word), Some(how), "{word}");
        }
    }

    #[test]
    fn what_others_have_made_is_theirs() {
        for word in ["keep", "doc", "cold", "inline", "must_use", "allow", "expect", "instrument"] {
            assert_eq!(meant(word), None, "{word}");
        }
    }
}
