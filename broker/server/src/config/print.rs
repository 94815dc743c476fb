//! What is in force, as a TOML file that says who set what.

use std::fmt::Write as _;

use super::Config;
use super::origin::{Origin, Origins};
use super::schema::{Settings, schema};
use super::setting::Setting;

pub(super) fn to_toml(config: &Config, origins: &Origins) -> String {
    let mut text = String::new();
    for entry in schema() {
        match &entry.settings {
            Settings::Once(settings) => {
                let _ = writeln!(text, "[{}]", entry.name);
                write_part(&mut text, entry.name, settings, config, &Config::default(), origins);
            }
            Settings::Each(list) => {
                let (count, default) = (list.count(config), config);
                if count == 0 {
                    let _ = writeln!(text, "# no {}\n", entry.head());
                }
                for place in 0..count {
                    let _ = writeln!(text, "{}{}", entry.head(), by_flag(entry.name, origins));
                    let (place, settings) = (format!("{}[{place}]", entry.name), list.at(place));
                    write_part(&mut text, &place, &settings, config, default, origins);
                }
            }
        }
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

/// Places to listen come from flags as a whole.
fn by_flag(name: &str, origins: &Origins) -> String {
    match origins.of(name) {
        origin @ Origin::Flag { .. } => format!("  # from {origin}"),
        _ => String::new(),
    }
}

fn write_part<Part: 'static>(
    text: &mut String,
    place: &str,
    settings: &[Setting<Part>],
    part: &Part,
    default: &Part,
    origins: &Origins,
) {
    for setting in settings {
        let (value, usual) = (setting.show(part), setting.show(default));
        let origin = origins.of(&format!("{place}.{}", setting.name));
        let _ = writeln!(text, "{} = {value}{}", setting.name, remark(origin, &value, &usual));
    }
    text.push('\n');
}

fn remark(origin: &Origin, value: &str, usual: &str) -> String {
    match (origin, value == usual) {
        (Origin::Program, true) => String::new(),
        (Origin::Program, false) => format!("  # default {usual}"),
        (origin, true) => format!("  # from {origin}"),
        (origin, false) => format!("  # from {origin}, default {usual}"),
    }
}
