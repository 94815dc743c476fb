//! The settings explained: as a commented file, and as tables in Markdown.

use std::fmt::Write as _;

use super::Config;
use super::schema::{Entry, Settings, schema};
use super::sections::Listen;
use super::setting::Setting;

const HEADER: &str = "\
# Every setting of the broker with its default. Delete what you don't change: the defaults hold.
# Sizes are bytes, or carry a unit: \"64KiB\". Durations always do: \"250ms\", \"5s\", \"10m\".
# Any value can be set by an environment variable too: BROKER__LISTEN__0__ADDRESS=0.0.0.0:7400.
# `broker check --config FILE` checks a file; `broker config --print` shows what is in force.
";

pub(super) fn template() -> String {
    let mut text = HEADER.to_owned();
    let config = Config::default();
    for entry in schema() {
        text.push('\n');
        comment(&mut text, entry.documentation);
        match &entry.settings {
            Settings::Once(settings) => {
                let _ = writeln!(text, "[{}]", entry.name);
                for setting in settings {
                    explain(&mut text, setting, &config);
                }
            }
            Settings::Listens(settings) => listens(&mut text, &entry, settings, &config),
        }
    }
    text
}

/// The first place to listen is explained in full, the others only differ.
fn listens(text: &mut String, entry: &Entry, settings: &[Setting<Listen>], config: &Config) {
    for (index, listen) in config.listen.iter().enumerate() {
        let space = if index > 0 { "\n" } else { "" };
        let _ = writeln!(text, "{space}[[{}]]", entry.name);
        for setting in settings {
            if index == 0 {
                explain(text, setting, listen);
            } else if ["transport", "address"].contains(&setting.name) {
                let _ = writeln!(text, "{} = {}", setting.name, setting.show(listen));
            }
        }
    }
}

fn explain<Part: 'static>(text: &mut String, setting: &Setting<Part>, part: &Part) {
    comment(text, setting.documentation);
    let _ = writeln!(text, "# Allowed: {}.", setting.allowed());
    let _ = writeln!(text, "{} = {}", setting.name, setting.show(part));
}

fn comment(text: &mut String, lines: &[&str]) {
    for line in lines {
        let _ = writeln!(text, "#{line}");
    }
}

pub(super) fn reference() -> String {
    let mut text = String::new();
    let config = Config::default();
    for entry in schema() {
        let head = match entry.settings {
            Settings::Once(_) => format!("[{}]", entry.name),
            Settings::Listens(_) => format!("[[{}]]", entry.name),
        };
        let about = joined(entry.documentation);
        let _ = write!(text, "### `{head}`\n\n{about}\n\n| setting | default | |\n|---|---|---|\n");
        match &entry.settings {
            Settings::Once(settings) => rows(&mut text, settings, &config),
            Settings::Listens(settings) => rows(&mut text, settings, &Listen::default()),
        }
        text.push('\n');
    }
    text
}

fn rows<Part: 'static>(text: &mut String, settings: &[Setting<Part>], part: &Part) {
    for setting in settings {
        let (meaning, allowed) = (joined(setting.documentation), setting.allowed());
        let value = setting.show(part);
        let _ =
            writeln!(text, "| `{}` | `{value}` | {meaning} *Allowed:* {allowed}. |", setting.name);
    }
}

fn joined(lines: &[&str]) -> String {
    let lines: Vec<_> = lines.iter().map(|line| line.trim()).collect();
    lines.join(" ")
}
