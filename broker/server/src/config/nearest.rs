//! Which setting somebody may have meant.

use super::schema::{Entry, schema};

/// How unlike a name may be and still be suggested: 0 is nothing alike, 1 is the same.
const ALIKE_MIN: f64 = 0.75;

/// A sentence that leads from an unknown key to a known one.
pub(super) fn hint(key: &str) -> String {
    let schema = schema();
    let (place, name) = key.rsplit_once('.').unwrap_or(("", key));
    let section = schema.iter().find(|entry| entry.name == without_index(place));
    match section {
        Some(entry) => among_settings(entry, place, name, &schema),
        None => among_sections(key, &schema),
    }
}

fn among_settings(entry: &Entry, place: &str, name: &str, schema: &[Entry]) -> String {
    if let Some(hint) = elsewhere(name, schema) {
        return hint;
    }
    let names = entry.settings.names();
    match most_alike(name, names.iter().copied()) {
        Some(known) => format!("did you mean `{place}.{known}`?"),
        None => format!("[{}] has {}", entry.name, enumerated(&names)),
    }
}

fn among_sections(key: &str, schema: &[Entry]) -> String {
    let name = key.rsplit('.').next().unwrap_or(key);
    if let Some(hint) = elsewhere(name, schema) {
        return hint;
    }
    let sections: Vec<_> = schema.iter().map(|entry| entry.name).collect();
    match most_alike(&without_index(key), sections.iter().copied()) {
        Some(known) => format!("did you mean `{known}`?"),
        None => format!("the sections are {}", enumerated(&sections)),
    }
}

/// The same name in another section.
fn elsewhere(name: &str, schema: &[Entry]) -> Option<String> {
    let entry = schema.iter().find(|entry| entry.settings.names().contains(&name))?;
    Some(format!("did you mean `{}.{name}`?", entry.name))
}

fn most_alike<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|known| (strsim::jaro_winkler(name, known), known))
        .filter(|(alike, _)| *alike >= ALIKE_MIN)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, known)| known)
}

fn enumerated(names: &[&str]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// `listen[1]` as `listen`.
pub(super) fn without_index(place: &str) -> String {
    place.split('[').next().unwrap_or(place).to_owned()
}
