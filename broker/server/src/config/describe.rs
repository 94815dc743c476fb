//! The settings explained: as a commented file, and as tables in Markdown.

use std::fmt::Write as _;

use super::Config;
use super::list::List;
use super::schema::{Entry, Settings, schema};
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
                let _ = writeln!(text, "{}", entry.head());
                for setting in settings {
                    explain(&mut text, setting, &config);
                }
            }
            Settings::Each(list) if list.count(&config) == 0 => {
                example(&mut text, &entry, list);
            }
            Settings::Each(list) => entries(&mut text, &entry, list, &config),
        }
    }
    text
}

/// The first entry of a list is explained in full, the others only differ.
fn entries(text: &mut String, entry: &Entry, list: &List, config: &Config) {
    for place in 0..list.count(config) {
        let space = if place > 0 { "\n" } else { "" };
        let _ = writeln!(text, "{space}{}", entry.head());
        for setting in list.at(place) {
            if place == 0 {
                explain(text, &setting, config);
            } else if list.required.contains(&setting.name) {
                let _ = writeln!(text, "{} = {}", setting.name, setting.show(config));
            }
        }
    }
}

/// An entry as by default, commented out: a list that is empty by default.
fn example(text: &mut String, entry: &Entry, list: &List) {
    let (config, mut explained) = (one_of(list), String::new());
    for setting in list.at(0) {
        explain(&mut explained, &setting, &config);
    }
    let _ = writeln!(text, "# {}", entry.head());
    for line in explained.lines() {
        let mark = if line.starts_with('#') { "" } else { "# " };
        let _ = writeln!(text, "{mark}{line}");
    }
}

/// A configuration in which the list has one entry, as by default.
fn one_of(list: &List) -> Config {
    let mut config = Config::default();
    list.begin_anew(&mut config, 1);
    config
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
        let (head, about) = (entry.head(), joined(entry.documentation));
        let _ = write!(text, "### `{head}`\n\n{about}\n\n| setting | default | |\n|---|---|---|\n");
        match &entry.settings {
            Settings::Once(settings) => rows(&mut text, settings, &config),
            Settings::Each(list) => rows(&mut text, &list.at(0), &one_of(list)),
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
