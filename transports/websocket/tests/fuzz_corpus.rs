//! The fuzzer's corpus as an ordinary test, for machines without the fuzzer.

#[allow(unreachable_pub, reason = "public for the fuzz target")]
#[path = "../fuzz/src/check.rs"]
mod check;

use std::path::Path;

/// How many files the corpus has at least; fewer mean that the test looks in the wrong place.
const CORPUS_FILES_MIN: usize = 30;

#[test]
fn the_corpus_of_the_reader_passes() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/reader");
    let mut files = 0;
    for entry in std::fs::read_dir(&corpus).expect("the corpus is committed") {
        let path = entry.expect("the corpus can be listed").path();
        println!("{}", path.display());
        check::reader(&std::fs::read(&path).expect("the file can be read"));
        files += 1;
    }
    assert!(files >= CORPUS_FILES_MIN, "{files} files in {}", corpus.display());
}
