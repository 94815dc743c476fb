//! From the text of a TOML file to assignments with their places.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::apply::Assignment;
use super::error::{ConfigError, ConfigFault};
use super::origin::Origin;
use super::written::Written;

/// Takes the text apart.
///
/// # Errors
/// Every place where it isn't TOML.
pub(super) fn parse(path: &Path, text: &str) -> Result<Vec<Assignment>, Vec<ConfigError>> {
    let places = Places { path, text };
    let (document, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        return Err(errors.iter().map(|error| syntax(&places, error)).collect());
    }
    let mut assignments = Vec::new();
    flatten("", document.get_ref(), &places, &mut assignments);
    Ok(assignments)
}

fn syntax(places: &Places<'_>, error: &toml::de::Error) -> ConfigError {
    let origin = places.origin(error.span().map_or(0, |span| span.start));
    ConfigError::new(origin, ConfigFault::Syntax { reason: error.message().to_owned() })
}

/// Tables become keys with dots; a table's head comes before what it holds.
fn flatten(prefix: &str, table: &DeTable<'_>, places: &Places<'_>, into: &mut Vec<Assignment>) {
    for (name, value) in table {
        let key = if prefix.is_empty() {
            name.get_ref().to_string()
        } else {
            format!("{prefix}.{}", name.get_ref())
        };
        let origin = places.origin(name.span().start);
        match value.get_ref() {
            DeValue::Table(inner) => {
                into.push(Assignment { key: key.clone(), written: Written::Table, origin });
                flatten(&key, inner, places, into);
            }
            DeValue::Array(items) if of_tables(items) => {
                let written = Written::Tables(items.len());
                into.push(Assignment { key: key.clone(), written, origin });
                flatten_each(&key, items, places, into);
            }
            value => into.push(Assignment { key, written: Written::from(value), origin }),
        }
    }
}

fn flatten_each(
    key: &str,
    items: &[Spanned<DeValue<'_>>],
    places: &Places<'_>,
    into: &mut Vec<Assignment>,
) {
    for (index, item) in items.iter().enumerate() {
        let key = format!("{key}[{index}]");
        let origin = places.origin(item.span().start);
        into.push(Assignment { key: key.clone(), written: Written::Table, origin });
        if let DeValue::Table(inner) = item.get_ref() {
            flatten(&key, inner, places, into);
        }
    }
}

fn of_tables(items: &[Spanned<DeValue<'_>>]) -> bool {
    !items.is_empty() && items.iter().all(|item| item.get_ref().is_table())
}

/// Turns offsets into lines and columns.
struct Places<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Places<'_> {
    fn origin(&self, offset: usize) -> Origin {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Origin::File {
            path: self.path.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}
