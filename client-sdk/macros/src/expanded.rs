//! What is made of a trait is code that people can read.

#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use std::path::PathBuf;
use std::{env, fs};

use crate::interface::Role;
use crate::{declared, emit};

/// What the trait in `tests/expanded/NAME.rs` becomes stands in `NAME.expanded.rs` beside it. With
/// `EXPANDED=overwrite` in the environment it is written there.
fn assert_expansion(role: Role, name: &str) {
    let place = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/expanded");
    let text = fs::read_to_string(place.join(format!("{name}.rs"))).unwrap();
    let (interface, complaints) = declared::read(role, &syn::parse_str(&text).unwrap());
    complaints.into_result().unwrap();
    let made = syn::parse2(emit::emit(&interface.unwrap())).unwrap();
    let made = prettyplease::unparse(&made);
    let expected = place.join(format!("{name}.expanded.rs"));
    if env::var_os("EXPANDED").is_some_and(|how| how == "overwrite") {
        fs::write(&expected, &made).unwrap();
    }
    let expected = fs::read_to_string(expected).unwrap_or_default();
    assert!(made == expected, "it is, and isn't what stands there (EXPANDED=overwrite):\n{made}");
}

#[test]
fn a_service_becomes_what_stands_in_its_file() {
    assert_expansion(Role::Service, "service");
}

#[test]
fn a_callback_becomes_what_stands_in_its_file() {
    assert_expansion(Role::Callback, "callback");
}
