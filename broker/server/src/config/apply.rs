//! Puts assignments, one after the other, over a configuration, and keeps the books of who set what.

use super::Config;
use super::error::{ConfigError, ConfigFault};
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
            Written::List(items) if key == LISTEN && items.is_empty() => {
                self.open_tables(&key, 0, &origin)
            }
            _ => self.set(&key, &written, &origin),
        };
        if let Err(fault) = outcome {
            self.errors.push(ConfigError::new(origin, fault));
            self.refused.push(key);
        }
    }

    /// Complains about places to listen that lack what no default can stand for.
    pub(super) fn finish(&mut self) {
        if self.config.listen.is_empty() {
            let fault = ConfigFault::NotAllowed {
                key: LISTEN.to_owned(),
                given: "empty".to_owned(),
                allowed: format!("at least one table, headed [[{LISTEN}]]"),
            };
            self.errors.push(ConfigError::new(self.origins.of(LISTEN).clone(), fault));
        }
        for index in 0..self.config.listen.len() {
            let head = format!("{LISTEN}[{index}]");
            let origin = self.origins.of(&head).clone();
            if origin != Origin::Program {
                self.demand(&head, "transport", &origin);
                self.demand(&head, "address", &origin);
            }
        }
    }

    fn demand(&mut self, head: &str, name: &str, origin: &Origin) {
        let key = format!("{head}.{name}");
        let settings = self.schema.iter().find_map(|entry| match &entry.settings {
            Settings::Listens(settings) => Some(settings),
            Settings::Once(_) => None,
        });
        let allowed = settings.and_then(|settings| find(settings, name)).map(Setting::expected);
        let missing = *self.origins.of(&key) == Origin::Program;
        if let (true, false, Some(allowed)) = (missing, self.refused.contains(&key), allowed) {
            let fault = ConfigFault::Missing { key, allowed };
            self.errors.push(ConfigError::new(origin.clone(), fault));
        }
    }

    fn open_table(&mut self, key: &str, origin: &Origin) -> Result<(), ConfigFault> {
        if self.is_listen_item(key) {
            self.origins.record(key.to_owned(), origin.clone());
            return Ok(());
        }
        let holds_sections = self.schema.iter().any(|entry| is_under(entry.name, key));
        if holds_sections && key != LISTEN {
            return Ok(());
        }
        self.set(key, &Written::Table, origin)
    }

    fn open_tables(&mut self, key: &str, count: usize, origin: &Origin) -> Result<(), ConfigFault> {
        if key != LISTEN {
            return self.set(key, &Written::Tables(count), origin);
        }
        self.replace_listens(vec![Listen::default(); count], origin.clone());
        Ok(())
    }

    fn set(&mut self, key: &str, written: &Written, origin: &Origin) -> Result<(), ConfigFault> {
        if let Some(fault) = self.fault_of_section(key, written) {
            return Err(fault);
        }
        let unknown = || ConfigFault::Unknown { key: key.to_owned(), hint: nearest::hint(key) };
        let (place, name) = key.rsplit_once('.').ok_or_else(unknown)?;
        let section = nearest::without_index(place);
        let entry = self.schema.iter().find(|entry| entry.name == section).ok_or_else(unknown)?;
        match &entry.settings {
            Settings::Once(settings) if section == place => {
                let setting = find(settings, name).ok_or_else(unknown)?;
                set_checked(setting, &mut self.config, key, written)?;
            }
            Settings::Listens(settings) => {
                let setting = find(settings, name).ok_or_else(unknown)?;
                let index = index(place).ok_or_else(unknown)?;
                let listens = &mut self.config.listen;
                let listen = listen_at(listens, index, place, &mut self.origins, origin)?;
                set_checked(setting, listen, key, written)?;
            }
            Settings::Once(_) => return Err(unknown()),
        }
        self.origins.record(key.to_owned(), origin.clone());
        Ok(())
    }

    /// A value where a section stands.
    fn fault_of_section(&self, key: &str, written: &Written) -> Option<ConfigFault> {
        let allowed = if key == LISTEN {
            format!("tables, each headed [[{LISTEN}]]")
        } else if self.is_listen_item(key) {
            "a table".to_owned()
        } else {
            let entry = self.schema.iter().find(|entry| is_under(entry.name, key))?;
            format!("one table, headed [{}]", entry.name)
        };
        let (key, given) = (key.to_owned(), written.to_string());
        Some(ConfigFault::NotAllowed { key, given, allowed })
    }

    fn is_listen_item(&self, key: &str) -> bool {
        index(key).is_some_and(|index| format!("{LISTEN}[{index}]") == key)
    }
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

/// The place to listen with this index; the next one after the last is made.
fn listen_at<'a>(
    listens: &'a mut Vec<Listen>,
    index: usize,
    place: &str,
    origins: &mut Origins,
    origin: &Origin,
) -> Result<&'a mut Listen, ConfigFault> {
    if index > listens.len() {
        let (key, index_max) = (place.to_owned(), listens.len());
        return Err(ConfigFault::Index { key, index, index_max });
    }
    if index == listens.len() {
        origins.record(place.to_owned(), origin.clone());
        listens.push(Listen::default());
    }
    Ok(&mut listens[index])
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
