//! Checks a whole configuration: every value by itself, then what settings demand of each other.

use std::net::SocketAddr;

use super::Config;
use super::error::{ConfigError, ConfigFault};
use super::origin::{Origin, Origins};
use super::schema::{LISTEN, Settings, schema};
use super::sections::{Listen, Transport};
use super::setting::Setting;

/// Everything that is wrong with the configuration.
pub(super) fn check(config: &Config, origins: &Origins) -> Vec<ConfigError> {
    let mut checker = Checker { config, origins, errors: Vec::new() };
    checker.values();
    checker.listens();
    checker.patterns();
    checker.tls();
    checker.pairs();
    checker.errors
}

pub(super) struct Checker<'a> {
    pub(super) config: &'a Config,
    origins: &'a Origins,
    errors: Vec<ConfigError>,
}

impl Checker<'_> {
    fn values(&mut self) {
        for entry in schema() {
            match &entry.settings {
                Settings::Once(settings) => self.values_of(entry.name, self.config, settings),
                Settings::Each(list) => {
                    for place in 0..list.count(self.config) {
                        let head = format!("{}[{place}]", entry.name);
                        self.values_of(&head, self.config, &list.at(place));
                    }
                }
            }
        }
    }

    fn values_of<Part: 'static>(&mut self, place: &str, part: &Part, settings: &[Setting<Part>]) {
        for setting in settings.iter().filter(|setting| !setting.accepts(part)) {
            let key = format!("{place}.{}", setting.name);
            self.refuse(&[&key], setting.show(part), &setting.expected());
        }
    }

    fn listens(&mut self) {
        for (index, listen) in self.config.listen.iter().enumerate() {
            self.address(index, listen);
            self.encryption(index, listen);
            let earlier = &self.config.listen[..index];
            if let Some(other) = earlier.iter().position(|other| clashes(listen, other)) {
                let allowed = format!("another than that of `{LISTEN}[{other}]`");
                let key = format!("{LISTEN}[{index}].address");
                self.refuse(&[&key], format!("{:?}", listen.address), &allowed);
            }
        }
    }

    fn address(&mut self, index: usize, listen: &Listen) {
        let is_path = listen.transport == Transport::Unix;
        if !is_path && listen.address.parse::<SocketAddr>().is_err() {
            let key = format!("{LISTEN}[{index}].address");
            let allowed = "an IP address and port, such as \"127.0.0.1:7400\" or \"[::]:7400\"";
            self.refuse(&[&key], format!("{:?}", listen.address), allowed);
        }
    }

    fn encryption(&mut self, index: usize, listen: &Listen) {
        if listen.tls && listen.transport == Transport::Unix {
            let key = format!("{LISTEN}[{index}].tls");
            self.refuse(&[&key], "true".to_owned(), "false: a Unix socket is never encrypted");
        }
    }

    fn tls(&mut self) {
        let (given, absent) = match (&self.config.tls.certificate, &self.config.tls.key) {
            (Some(_), None) => ("tls.certificate", "tls.key"),
            (None, Some(_)) => ("tls.key", "tls.certificate"),
            _ => return,
        };
        let allowed = format!("a file as well, since `{given}` is set: both or none");
        self.refuse(&[absent, given], "\"\"".to_owned(), &allowed);
    }

    /// Values that mustn't be above others.
    fn pairs(&mut self) {
        let Config { limits, requests, .. } = self.config;
        let (timeout, timeout_max) =
            (requests.timeout.as_millis(), requests.timeout_max.as_millis());
        let payload = limits.payload_bytes_max;
        for (least, most, in_order) in [
            ("requests.timeout", "requests.timeout_max", timeout <= timeout_max),
            (
                "limits.payload_bytes_max",
                "limits.inbox_bytes_max",
                payload <= limits.inbox_bytes_max,
            ),
            ("limits.payload_bytes_max", "limits.log_bytes_max", payload <= limits.log_bytes_max),
        ] {
            if !in_order {
                let allowed = format!("at most `{most}`, which is {}", self.shown(most));
                self.refuse(&[least, most], self.shown(least), &allowed);
            }
        }
    }

    /// The value of a setting as TOML.
    fn shown(&self, key: &str) -> String {
        let (section, name) = key.rsplit_once('.').unwrap_or(("", key));
        let schema = schema();
        let entry = schema.iter().find(|entry| entry.name == section);
        match entry.map(|entry| &entry.settings) {
            Some(Settings::Once(settings)) => settings
                .iter()
                .find(|setting| setting.name == name)
                .map_or_else(String::new, |setting| setting.show(self.config)),
            _ => String::new(),
        }
    }

    /// Complains about the first key, at the place where somebody set one of them.
    pub(super) fn refuse(&mut self, keys: &[&str], given: String, allowed: &str) {
        let origins = keys.iter().map(|key| self.origins.of(key));
        let origin = origins.clone().find(|origin| **origin != Origin::Program);
        let fault = ConfigFault::NotAllowed {
            key: keys.first().map_or_else(String::new, |key| (*key).to_owned()),
            given,
            allowed: allowed.to_owned(),
        };
        self.errors.push(ConfigError::new(origin.cloned().unwrap_or_default(), fault));
    }
}

/// Whether both want the same port or path. Port 0 is another one each time.
fn clashes(one: &Listen, other: &Listen) -> bool {
    let chosen_by_system =
        one.address.parse::<SocketAddr>().is_ok_and(|address| address.port() == 0);
    one.transport == other.transport && one.address == other.address && !chosen_by_system
}
