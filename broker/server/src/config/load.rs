//! Reads every source over the defaults: the file, then the environment, then flags.

use std::path::{Path, PathBuf};

use super::Config;
use super::apply::{Application, Assignment};
use super::check;
use super::environment;
use super::error::{ConfigError, ConfigErrors, ConfigFault};
use super::file;
use super::origin::{Origin, Origins};
use super::print;
use super::sections::Listen;
use super::written::Written;

/// Where settings are read from. What comes later in this list wins.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The TOML file, if there is one.
    pub file: Option<PathBuf>,
    /// Environment variables by name; those that don't begin with `BROKER__` are passed over.
    pub environment: Vec<(String, String)>,
    /// Places to listen from flags; if there are any, they replace all others.
    pub listen: Vec<Listen>,
    /// Single settings from flags: flag, key and value.
    pub flags: Vec<(String, String, String)>,
}

/// A valid configuration that knows where its values come from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Loaded {
    /// What is in force.
    pub config: Config,
    /// Who set what isn't built in.
    pub origins: Origins,
}

impl Loaded {
    /// What is in force, as a TOML file whose comments say who set what isn't built in.
    pub fn to_toml(&self) -> String {
        print::to_toml(&self.config, &self.origins)
    }
}

pub(super) fn load(sources: &Sources) -> Result<Loaded, ConfigErrors> {
    let mut application = Application::new();
    let assignments = match sources.file.as_deref().map(read) {
        None => Vec::new(),
        Some(Ok(assignments)) => assignments,
        Some(Err(mut errors)) => {
            application.errors.append(&mut errors);
            Vec::new()
        }
    };
    assignments.into_iter().for_each(|each| application.apply(each));
    environment::parse(&sources.environment).into_iter().for_each(|each| application.apply(each));
    apply_flags(&mut application, sources);
    application.finish();
    let mut errors = application.errors;
    errors.extend(check::check(&application.config, &application.origins));
    ConfigErrors::unless_empty(errors)?;
    Ok(Loaded { config: application.config, origins: application.origins })
}

fn read(path: &Path) -> Result<Vec<Assignment>, Vec<ConfigError>> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        let fault = ConfigFault::Unreadable { path: path.to_owned(), reason: error.to_string() };
        vec![ConfigError::new(Origin::Program, fault)]
    })?;
    file::parse(path, &text)
}

fn apply_flags(application: &mut Application, sources: &Sources) {
    if !sources.listen.is_empty() {
        let origin = Origin::Flag { flag: "--listen".to_owned() };
        application.replace_listens(sources.listen.clone(), origin);
    }
    for (flag, key, value) in &sources.flags {
        application.apply(Assignment {
            key: key.clone(),
            written: Written::Loose(value.clone()),
            origin: Origin::Flag { flag: flag.clone() },
        });
    }
}
