//! What the attributes say to traits that are written wrongly.
//!
//! `TRYBUILD=overwrite cargo test -p client-sdk-macros --test compiling` writes down what the compiler
//! says now: read it as somebody who made that mistake.

#[test]
fn what_is_written_wrongly_is_told_where_it_stands_and_what_to_write() {
    trybuild::TestCases::new().compile_fail("tests/refused/*.rs");
}
