//! `broker check` and `broker config`: the configuration without a broker.

use broker::config::{Config, Loaded};

use super::arguments::{Check, ServerSettings, Show};
use super::outcome::{Failure, Outcome};
use super::output;

/// What is in force; all that is wrong with it is told at once.
pub(crate) fn load(settings: &ServerSettings) -> Result<Loaded, Failure> {
    Config::load(&settings.sources()).map_err(|errors| Outcome::Misused.because(errors))
}

/// Says whether a broker would start with this configuration.
pub(crate) fn check(arguments: &Check) -> Result<Outcome, Failure> {
    load(&arguments.settings)?;
    let what = match &arguments.settings.config {
        Some(file) => file.display().to_string(),
        None => "the built-in configuration (no --config)".to_owned(),
    };
    eprintln!("{what} is valid");
    Ok(Outcome::Done)
}

/// Prints what is in force, or the defaults with their explanations.
pub(crate) fn show(arguments: &Show) -> Result<Outcome, Failure> {
    if arguments.defaults {
        return output::print(&Config::template());
    }
    output::print(&load(&arguments.settings)?.to_toml())
}
