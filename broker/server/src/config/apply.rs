//! Puts assignments, one after the other, over a configuration, and keeps the books of who set what.

use super::Config;
use super::error::{ConfigError, ConfigFault};
use super::list::List;
use super::nearest;
use super::origin::{Origin, Origins};
use super::schema::{Entry, LISTEN, Settings, schema};
use super::sections::Listen;
use super::setting::Setting;
use super::written::Written;

/// A value for a key, from somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Assignment {
    /// The full key: `limits.payload_bytes_max`, `listen[1].address`.
    pub(super) key: String,
    /// The value as it was written.
    pub(super) written: Written,
    /// Who wrote it.
    pub(super) origin: Origin,
}

/// A configuration in the making.
pub(super) struct Application {
    pub(super) config: Config,
    pub(super) origins: Origins,
    pub(super) errors: Vec<ConfigError>,
    schema: Vec<Entry>,
    /// Keys that were refused: what lies under them isn't complained about again.
    refused: Vec<String>,
}

impl Application {
    /// Begins with the built-in defaults.
    pub(super) fn new() -> Self {
        Self {
            config: Config::default(),
            origins: Origins::default(),
            errors: Vec::new(),
            schema: schema(),
            refused: Vec::new(),
        }
    }

    /// Listens at these places alone.
    pub(super) fn replace_listens(&mut self, listens: Vec<Listen>, origin: Origin) {
        self.config.listen = listens;
        self.origins.forget_under(LISTEN);
        self.origins.record(LISTEN.to_owned(), origin);
    }

    /// Takes one assignment over, or says why not.
    pub(super) fn apply(&mut self, assignment: Assignment) {
        let Assignment { key, written, origin } = assignment;
        if self.refused.iter().any(|refused| is_under(&key, refused)) {
            return;
        }
        let outcome = match &written {
            Written::Table => self.open_table(&key, &origin),
            Written::Tables(count) => self.open_tables(&key, *count, &origin),
            Written::List(items) if self.list(&key).is_some() && items.is_empty() => {
                self.open_tables(&key, 0, &origin)
            }
            _ => self.set(&key, &written, &origin),
        };
        if let Err(fault) = outcome {
            self.errors.push(ConfigError::new(origin, fault));
            self.refused.push(key);
        }
    }

    /// Complains about lists that are too short or too long, and entries that lack what no default
    /// can stand for.
    pub(super) fn finish(&mut self) {
        let Self { config, origins, errors, schema, refused } = self;
        for entry in schema {
            let Settings::Each(list) = &entry.settings else { continue };
            let count = list.count(config);
            if !list.counts.contains(&count) {
                let fault = wrong_count(entry, list, count);
                errors.push(ConfigError::new(origins.of(entry.name).clone(), fault));
            }
            for place in 0..count {
                let head = format!("{}[{place}]", entry.name);
                errors.extend(missing(list, place, &head, origins, refused));
            }
        }
    }

    fn open_table(&mut self, key: &str, origin: &Origin) -> Result<(), ConfigFault> {
        if self.is_list_item(key) {
            self.origins.record(key.to_owned(), origin.clone());
            return Ok(());
        }
        let holds_sections = self.schema.iter().any(|entry| is_under(entry.name, key));
        if holds_sections && self.list(key).is_none() {
            return Ok(());
        }
        self.set(key, &Written::Table, origin)
    }

    fn open_tables(&mut self, key: &str, count: usize, origin: &Origin) -> Result<(), ConfigFault> {
        let Some(list) = list(&self.schema, key) else {
            return self.set(key, &Written::Tables(count), origin);
        };
        list.begin_anew(&mut self.config, count);
        self.origins.forget_under(key);
        self.origins.record(key.to_owned(), origin.clone());
        Ok(())
    }

    fn set(&mut self, key: &str, written: &Written, origin: &Origin) -> Result<(), ConfigFault> {
        if let Some(fault) = self.fault_of_section(key, written) {
            return Err(fault);
        }
        let unknown = || ConfigFault::Unknown { key: key.to_owned(), hint: nearest::hint(key) };
        let Self { config, origins, schema, .. } = self;
        let (place, name) = key.rsplit_once('.').ok_or_else(unknown)?;
        let section = nearest::without_index(place);
        let entry = schema.iter().find(|entry| entry.name == section).ok_or_else(unknown)?;
        match &entry.settings {
            Settings::Once(settings) if section == place => {
                let setting = find(settings, name).ok_or_else(unknown)?;
                set_checked(setting, config, key, written)?;
            }
            Settings::Each(list) => {
                let index = index(place).ok_or_else(unknown)?;
                let settings = list.at(index);
                let setting = find(&settings, name).ok_or_else(unknown)?;
                if reach(list, config, (index, place))? {
                    origins.record(place.to_owned(), origin.clone());
                }
                set_checked(setting, config, key, written)?;
            }
            Settings::Once(_) => return Err(unknown()),
        }
        self.origins.record(key.to_owned(), origin.clone());
        Ok(())
    }

    /// A value where a section stands.
    fn fault_of_section(&self, key: &str, written: &Written) -> Option<ConfigFault> {
        let allowed = if self.list(key).is_some() {
            format!("tables, each headed [[{key}]]")
        } else if self.is_list_item(key) {
            "a table".to_owned()
        } else {
            let entry = self.schema.iter().find(|entry| is_under(entry.name, key))?;
            format!("one table, headed [{}]", entry.name)
        };
        let (key, given) = (key.to_owned(), written.to_string());
        Some(ConfigFault::NotAllowed { key, given, allowed })
    }

    fn list(&self, key: &str) -> Option<&List> {
        list(&self.schema, key)
    }

    fn is_list_item(&self, key: &str) -> bool {
        let name = nearest::without_index(key);
        let item = index(key).map(|index| format!("{name}[{index}]"));
        item.is_some_and(|item| item == key) && self.list(&name).is_some()
    }
}

/// The list of this name, if that is a section which may occur several times.
fn list<'a>(schema: &'a [Entry], name: &str) -> Option<&'a List> {
    let entry = schema.iter().find(|entry| entry.name == name)?;
    match &entry.settings {
        Settings::Each(list) => Some(list),
        Settings::Once(_) => None,
    }
}

fn wrong_count(entry: &Entry, list: &List, count: usize) -> ConfigFault {
    let given = if count == 0 { "empty".to_owned() } else { format!("an array of {count} tables") };
    let most = list.counts.end();
    let allowed = match count {
        0 => format!("at least one table, headed {}", entry.head()),
        _ => format!("at most {most} tables, each headed {}", entry.head()),
    };
    ConfigFault::NotAllowed { key: entry.name.to_owned(), given, allowed }
}

/// What an entry that somebody wrote lacks.
fn missing(
    list: &List,
    place: usize,
    head: &str,
    origins: &Origins,
    refused: &[String],
) -> Vec<ConfigError> {
    let origin = origins.of(head);
    if *origin == Origin::Program {
        return Vec::new();
    }
    let mut errors = Vec::new();
    for setting in list.at(place).iter().filter(|one| list.required.contains(&one.name)) {
        let key = format!("{head}.{}", setting.name);
        if *origins.of(&key) == Origin::Program && !refused.contains(&key) {
            let fault = ConfigFault::Missing { key, allowed: setting.expected() };
            errors.push(ConfigError::new(origin.clone(), fault));
        }
    }
    errors
}

fn set_checked<Part: 'static>(
    setting: &Setting<Part>,
    part: &mut Part,
    key: &str,
    written: &Written,
) -> Result<(), ConfigFault> {
    if setting.set(part, written) {
        return Ok(());
    }
    let (key, given) = (key.to_owned(), written.to_string());
    Err(ConfigFault::NotAllowed { key, given, allowed: setting.expected() })
}

/// Sees to it that the list has an entry of this index: the next one after the last is made. Returns
/// whether it was.
fn reach(
    list: &List,
    config: &mut Config,
    (index, place): (usize, &str),
) -> Result<bool, ConfigFault> {
    let count = list.count(config);
    let most = *list.counts.end();
    if index > count || index == count && count >= most {
        let (key, index_max) = (place.to_owned(), count.min(most.saturating_sub(1)));
        return Err(ConfigFault::Index { key, index, index_max });
    }
    if index == count {
        list.add(config);
    }
    Ok(index == count)
}

fn find<'a, Part>(settings: &'a [Setting<Part>], name: &str) -> Option<&'a Setting<Part>> {
    settings.iter().find(|setting| setting.name == name)
}

/// The index at the end of `listen[1]`.
fn index(place: &str) -> Option<usize> {
    place.strip_suffix(']')?.split_once('[')?.1.parse().ok()
}

/// Whether the key is the other one or lies within it.
fn is_under(key: &str, other: &str) -> bool {
    key.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}
