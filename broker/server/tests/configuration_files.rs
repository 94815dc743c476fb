//! The files in the repository that are written from the declarations of the settings.
//!
//! Run with `BROKER_BLESS=1` to write them anew.

use std::fs;
use std::path::{Path, PathBuf};

use broker::config::{Config, Sources};

const BEGIN: &str = "<!-- settings: written by a test, see configuration_files.rs -->\n";

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("it is two levels up")
}

fn assert_file_is(path: &Path, expected: &str) {
    if std::env::var_os("BROKER_BLESS").is_some() {
        fs::write(path, expected).expect("the repository is writable");
    }
    let actual = fs::read_to_string(path).unwrap_or_default();
    assert!(
        actual == expected,
        "{} is out of date; `BROKER_BLESS=1 cargo test -p broker --test configuration_files` \
         writes it anew",
        path.display()
    );
}

#[test]
fn the_file_in_the_repository_explains_every_default() {
    assert_file_is(&repository().join("config.toml"), &Config::template());
}

#[test]
fn the_file_in_the_repository_changes_nothing() {
    let file = repository().join("config.toml");
    let loaded = Config::load(&Sources { file: Some(file), ..Sources::default() });
    assert_eq!(loaded.unwrap().config, Config::default());
}

#[test]
fn the_document_lists_every_setting() {
    let path = repository().join("docs/configuration.md");
    let text = fs::read_to_string(&path).unwrap_or_default();
    let prose = text.split_once(BEGIN).map_or(text.as_str(), |(prose, _)| prose);
    assert_file_is(&path, &format!("{prose}{BEGIN}\n{}", Config::reference()));
}
