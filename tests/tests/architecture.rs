//! The layout keeps what `docs/ARCHITECTURE.md` promises.

#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use serde_json::Value;

/// The crates of this workspace on which each may depend. Its tests may use [`FOR_TESTS`] as well.
const ARROWS: [(&str, &[&str]); 12] = [
    ("broker-protocol", &[]),
    ("broker-delivery", &[]),
    ("broker-core", &["broker-delivery", "broker-protocol"]),
    ("broker-load", &["broker-protocol", "transport-api"]),
    ("transport-api", &[]),
    ("transport-tls", &[]),
    ("transport-memory", &["transport-api"]),
    ("transport-unix", &["transport-api"]),
    ("transport-websocket", &["transport-api", "transport-tls"]),
    ("transport-quic", &["transport-api", "transport-tls"]),
    ("transport-conformance", &["transport-api"]),
    (
        "client-sdk",
        &[
            "broker-delivery",
            "broker-protocol",
            "client-sdk-macros",
            "transport-api",
            "transport-memory",
            "transport-quic",
            "transport-tls",
            "transport-unix",
            "transport-websocket",
        ],
    ),
];

/// What tests of any room may use.
const FOR_TESTS: [&str; 2] = ["transport-conformance", "transport-memory"];

/// Further tests that may look up: the SDK's run its documentation against a real broker, those of its
/// macros compile what refers to the SDK.
const LOOKING_UP: [(&str, &str); 2] =
    [("client-sdk", "broker"), ("client-sdk-macros", "client-sdk")];

/// What stands above everything and may use everything.
const ABOVE_ALL: [&str; 4] = ["broker", "broker-examples", "broker-tests", "broker-benches"];

#[test]
fn arrows_point_down_only() {
    let packages = packages();
    let rooms: BTreeSet<_> = packages.iter().map(|package| name(package).to_owned()).collect();
    for package in &packages {
        for dependency in package["dependencies"].as_array().unwrap() {
            let to = name(dependency);
            if rooms.contains(to) && !may_depend(name(package), to, kind(dependency)) {
                panic!(
                    "{} must not depend on {to}: see the map in docs/ARCHITECTURE.md",
                    name(package)
                );
            }
        }
    }
}

#[test]
fn every_room_has_a_place_on_the_map() {
    let known: BTreeSet<_> = ARROWS
        .iter()
        .map(|(room, _)| *room)
        .chain(ABOVE_ALL)
        .chain(["client-sdk-macros"])
        .collect();
    for package in &packages() {
        assert!(known.contains(name(package)), "{}: where does it stand?", name(package));
    }
}

fn may_depend(from: &str, to: &str, kind: &str) -> bool {
    if kind == "dev" && (FOR_TESTS.contains(&to) || LOOKING_UP.contains(&(from, to))) {
        return true;
    }
    if ABOVE_ALL.contains(&from) {
        let is_product = from == "broker" && kind != "dev";
        return !(is_product && (to == "transport-conformance" || ABOVE_ALL.contains(&to)));
    }
    ARROWS.iter().any(|(room, below)| *room == from && below.contains(&to))
}

fn packages() -> Vec<Value> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

fn name(value: &Value) -> &str {
    value["name"].as_str().unwrap()
}

/// `normal`, `dev` or `build`.
fn kind(dependency: &Value) -> &str {
    dependency["kind"].as_str().unwrap_or("normal")
}

/// Names of clocks, sockets, tasks, locks and random numbers.
const IMPURE: [&str; 18] = [
    "Instant",
    "SystemTime",
    "UNIX_EPOCH",
    "net",
    "fs",
    "process",
    "thread",
    "tokio",
    "spawn",
    "async",
    "Mutex",
    "RwLock",
    "Condvar",
    "atomic",
    "mpsc",
    "rand",
    "getrandom",
    "RandomState",
];

/// The one exception: what clients name is hashed with a random seed, which never shows in an order.
const SEEDED: &str = "broker/delivery/src/matcher";

#[test]
fn protocol_delivery_and_core_have_no_clock_socket_task_lock_or_random_number() {
    for room in ["broker/protocol/src", "broker/delivery/src", "broker/core/src"] {
        for file in sources(&root().join(room)) {
            let text = without_tests(&file);
            for (number, line) in text.lines().enumerate() {
                let code = line.split("//").next().unwrap_or_default();
                for word in code.split(|c: char| !c.is_alphanumeric() && c != '_') {
                    let excepted = word == "RandomState" && is_below(&file, SEEDED);
                    let place = format!("{}:{}", file.display(), number + 1);
                    assert!(excepted || !IMPURE.contains(&word), "{place}: {word}");
                }
            }
        }
    }
}

fn is_below(file: &Path, folder: &str) -> bool {
    file.starts_with(root().join(folder))
}

/// Lines of a source file without its tests, beyond which it has to be split.
const LINES_MAX: usize = 500;

#[test]
fn no_source_file_has_more_than_500_lines_without_its_tests() {
    for file in sources(&root()) {
        let lines = without_tests(&file).lines().count();
        let is_source = file.components().any(|part| part.as_os_str() == "src");
        assert!(!is_source || lines <= LINES_MAX, "{} has {lines} lines", file.display());
    }
}

#[test]
fn the_chat_has_as_many_lines_as_the_readme_says_and_less_than_80() {
    let lines = |name: &str| {
        let source = fs::read_to_string(root().join("examples/src/bin").join(name)).unwrap();
        source.lines().count()
    };
    let (server, terminal) = (lines("chat-server.rs"), lines("chat.rs"));
    assert!(server < 80 && terminal < 80, "{server} and {terminal}");
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let said =
        format!("A chat made like this, server and terminal, is {server} and {terminal} lines");
    assert!(readme.contains(&said), "{said}");
}

#[test]
fn every_file_that_the_architecture_mentions_exists() {
    let text = fs::read_to_string(root().join("docs/ARCHITECTURE.md")).unwrap();
    let mut places = BTreeSet::new();
    collect_places(&root(), &mut places);
    let mentioned = text.split('`').skip(1).step_by(2).filter(|word| names_a_place(word));
    let mut count = 0;
    for mention in mentioned {
        let ends_so = |place: &String| place.ends_with(&format!("/{mention}"));
        assert!(places.iter().any(ends_so), "`{mention}` doesn't exist");
        count += 1;
    }
    assert!(count > 20, "the document mentions files in backticks");
}

fn names_a_place(word: &str) -> bool {
    let is_path = |c: char| c.is_ascii_alphanumeric() || "_./-".contains(c);
    let extensions = [".rs", ".md", ".toml", ".json"];
    let has_extension = extensions.iter().any(|extension| word.ends_with(extension));
    word.chars().all(is_path) && (word.contains('/') || has_extension)
}

fn collect_places(folder: &Path, places: &mut BTreeSet<String>) {
    for path in entries(folder) {
        places.insert(path.display().to_string());
        if path.is_dir() {
            collect_places(&path, places);
        }
    }
}

/// Every Rust file below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for path in entries(folder) {
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// What is in a folder, without what is built, fetched or hidden.
fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let skipped = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with('.') || name == "target" || name == "node_modules"
    };
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(move |path| !skipped(path))
}

/// A source file up to its tests; nothing of it, if it is nothing but tests.
fn without_tests(file: &Path) -> String {
    if file.file_name().is_some_and(|name| name == "tests.rs") {
        return String::new();
    }
    let text = fs::read_to_string(file).unwrap();
    match text.find("#[cfg(test)]") {
        Some(at) => text[..at].to_owned(),
        None => text,
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}
