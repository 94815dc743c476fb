//! What calls carry, whatever its author says of it to serde and to the compiler.

#![allow(dead_code, reason = "nobody makes one: that they compile is the test")]

use std::marker::PhantomData;

/// What doesn't travel.
#[derive(Clone)]
struct Local;

#[client_sdk::data]
struct Link {
    next: Option<Box<Self>>,
    kind: PhantomData<fn(Self) -> Vec<Self>>,
}

#[client_sdk::data]
enum Sum {
    Number(i64),
    Add(Box<Self>, Box<Self>),
    Many { all: Vec<(Self, [Self; 0])> },
}

#[client_sdk::data]
struct Nested<T> {
    here: T,
    inside: Vec<Self>,
}

#[client_sdk::data]
enum Elsewhere {
    #[cfg(windows)]
    Handle(std::os::windows::io::RawHandle),
    #[cfg(not(windows))]
    Number(Box<Self>),
    #[serde(skip)]
    Here(Local),
    #[cfg_attr(all(), serde(skip))]
    There(Local, Box<Local>),
    Nowhere {
        #[cfg(windows)]
        handle: std::os::windows::io::RawHandle,
    },
}

#[client_sdk::data]
struct Partly {
    #[cfg_attr(all(), serde(skip))]
    skipped: Option<Local>,
    #[serde(skip)]
    too: Option<Local>,
    #[cfg(not(unix))]
    there: Nothing,
    #[cfg(unix)]
    here: Link,
}

#[client_sdk::data]
#[serde(from = "u8", into = "u8")]
#[derive(Clone)]
struct Short(Local);

impl From<u8> for Short {
    fn from(_: u8) -> Self {
        Self(Local)
    }
}

impl From<Short> for u8 {
    fn from(short: Short) -> Self {
        let Short(Local) = short;
        7
    }
}

#[client_sdk::data]
#[cfg_attr(all(), serde(try_from = "String", into = "String"))]
#[derive(Clone)]
enum Word {
    Known(Local),
}

impl TryFrom<String> for Word {
    type Error = &'static str;

    fn try_from(word: String) -> Result<Self, Self::Error> {
        if word == "known" { Ok(Self::Known(Local)) } else { Err("it isn't known") }
    }
}

impl From<Word> for String {
    fn from(Word::Known(Local): Word) -> Self {
        "known".to_owned()
    }
}

#[client_sdk::data]
#[deprecated = "it is old"]
struct Old {
    older: Vec<Self>,
}

#[client_sdk::callback]
trait Ear {
    fn heard(&self, links: Link, sums: Sum, nested: Nested<u8>, partly: Partly);
    fn moved(&self, elsewhere: Elsewhere, short: Short, word: Word);
}

struct Deaf;

#[client_sdk::callback]
#[allow(clippy::unused_unit, reason = "that it may be written is the test")]
impl Ear for Deaf {
    fn heard(&self, _links: Link, _sums: Sum, _nested: Nested<u8>, _partly: Partly) -> () {}
    fn moved(&self, _elsewhere: Elsewhere, _short: Short, _word: Word) -> () {}
}
