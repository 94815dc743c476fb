//! All settings, section by section: the one table that everything else walks.

use super::Config;
use super::list::List;
use super::sections::{Listen, PATTERNS_MAX, Pattern};
use super::setting::{Section, Setting};

/// The name of the section that says where the broker listens.
pub(super) const LISTEN: &str = "listen";
/// The name of the section that says what holds for the topics of a pattern.
pub(super) const PATTERN: &str = "pattern";

/// The most places to listen.
const LISTENS_MAX: usize = 64;

/// A section of the file with what it holds.
pub(super) struct Entry {
    /// As in the head: `limits`, `transport.quic`.
    pub(super) name: &'static str,
    /// What it is about, line by line.
    pub(super) documentation: &'static [&'static str],
    /// Its settings.
    pub(super) settings: Settings,
}

/// The settings of a section.
pub(super) enum Settings {
    /// The section occurs once.
    Once(Vec<Setting<Config>>),
    /// The section may occur several times.
    Each(List),
}

impl Entry {
    /// How its head is written.
    pub(super) fn head(&self) -> String {
        match self.settings {
            Settings::Once(_) => format!("[{}]", self.name),
            Settings::Each(_) => format!("[[{}]]", self.name),
        }
    }
}

impl Settings {
    /// The names of the settings, in order.
    pub(super) fn names(&self) -> Vec<&'static str> {
        match self {
            Self::Once(settings) => settings.iter().map(|setting| setting.name).collect(),
            Self::Each(list) => list.at(0).iter().map(|setting| setting.name).collect(),
        }
    }
}

/// Every section, in the order in which files and documents show them.
pub(super) fn schema() -> Vec<Entry> {
    let listens = List::new(
        |config| &config.listen,
        |config| &mut config.listen,
        1..=LISTENS_MAX,
        &["transport", "address"],
    );
    let patterns = List::new(
        |config| &config.patterns,
        |config| &mut config.patterns,
        0..=PATTERNS_MAX,
        &["filter"],
    );
    vec![
        once("server", |config| &config.server, |config| &mut config.server),
        each::<Listen>(LISTEN, listens),
        once("tls", |config| &config.tls, |config| &mut config.tls),
        once("limits", |config| &config.limits, |config| &mut config.limits),
        once("lanes", |config| &config.lanes, |config| &mut config.lanes),
        each::<Pattern>(PATTERN, patterns),
        once("sessions", |config| &config.sessions, |config| &mut config.sessions),
        once("requests", |config| &config.requests, |config| &mut config.requests),
        once("topics", |config| &config.topics, |config| &mut config.topics),
        once("retained", |config| &config.retained, |config| &mut config.retained),
        once("shutdown", |config| &config.shutdown, |config| &mut config.shutdown),
        once("log", |config| &config.log, |config| &mut config.log),
        once("transport.websocket", |config| &config.websocket, |config| &mut config.websocket),
        once("transport.quic", |config| &config.quic, |config| &mut config.quic),
        once("transport.unix", |config| &config.unix, |config| &mut config.unix),
    ]
}

fn once<Part: Section>(
    name: &'static str,
    read: fn(&Config) -> &Part,
    write: fn(&mut Config) -> &mut Part,
) -> Entry {
    let settings = Part::settings().into_iter().map(|setting| setting.within(read, write));
    Entry { name, documentation: Part::DOCUMENTATION, settings: Settings::Once(settings.collect()) }
}

fn each<Part: Section>(name: &'static str, list: List) -> Entry {
    Entry { name, documentation: Part::DOCUMENTATION, settings: Settings::Each(list) }
}
