//! Files of what was measured: one line of JSON for each row, in `target/bench`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The directory of this workspace.
const WORKSPACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Where cargo and criterion put what they make.
pub fn target_directory() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(WORKSPACE).join("target"), PathBuf::from)
}

/// Where the pictures of the documentation are.
pub fn images_directory() -> PathBuf {
    Path::new(WORKSPACE).join("docs/images")
}

/// Writes the rows of a bench, in place of those of an earlier run.
///
/// # Errors
/// If they can't be written.
pub fn write<T: Serialize>(name: &str, rows: &[T]) -> anyhow::Result<()> {
    let path = path_of(name);
    let mut lines = String::new();
    for row in rows {
        lines += &serde_json::to_string(row)?;
        lines.push('\n');
    }
    fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
    fs::write(&path, lines).with_context(|| format!("{}", path.display()))
}

/// Reads the rows of a bench.
///
/// # Errors
/// If it hasn't run, or wrote something else.
pub fn read<T: DeserializeOwned>(name: &str) -> anyhow::Result<Vec<T>> {
    let path = path_of(name);
    let text = fs::read_to_string(&path).with_context(|| format!("{}", path.display()))?;
    let rows = text.lines().map(serde_json::from_str);
    rows.collect::<Result<_, _>>().with_context(|| format!("{}", path.display()))
}

fn path_of(name: &str) -> PathBuf {
    target_directory().join("bench").join(format!("{name}.jsonl"))
}
