//! The fuzzer's corpus as ordinary tests, for machines without the fuzzer.
#![allow(missing_docs, reason = "a test")]

#[allow(unreachable_pub, reason = "public for the fuzz targets")]
#[path = "../fuzz/src/check.rs"]
mod check;

use std::path::Path;

/// How many files a corpus has at least; fewer mean that the tests look in the wrong place.
const CORPUS_FILES_MIN: usize = 50;

fn for_each_file_of(target: &str, check: impl Fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut files = 0;
    for entry in std::fs::read_dir(&corpus).expect("the corpus is committed") {
        let path = entry.expect("the corpus can be listed").path();
        println!("{}", path.display());
        check(&std::fs::read(&path).expect("the file can be read"));
        files += 1;
    }
    assert!(files >= CORPUS_FILES_MIN, "{files} files in {}", corpus.display());
}

#[test]
fn the_corpus_of_client_frames_passes() {
    for_each_file_of("client_frames", check::client_frames);
}

#[test]
fn the_corpus_of_broker_frames_passes() {
    for_each_file_of("broker_frames", check::broker_frames);
}
