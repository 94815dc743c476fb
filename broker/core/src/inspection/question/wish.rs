//! How a question is written: an object whose members may be missing.
//!
//! What is wrong is told in words of the protocol, not of the parser, with the member that offends.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{LIMIT_MAX, Sort, TopicSort};

/// The order in which something is told.
pub(super) trait Order: Default + DeserializeOwned {
    /// Its words.
    const WORDS: &'static str;
}

impl Order for Sort {
    const WORDS: &'static str = "\"age\", \"queue\" or \"name\"";
}

impl Order for TopicSort {
    const WORDS: &'static str =
        "\"published\", \"bytes\", \"deliveries\", \"retained\", \"idle\" or \"name\"";
}

/// How many are told of whom nobody says how many.
const LIMIT: usize = 20;

/// How much of what a client wrote is repeated to it, in characters.
const QUOTED_CHARACTERS_MAX: usize = 64;

/// What the body of a request says, not yet read.
#[derive(Debug, Default)]
struct Wish<'a> {
    sort: Option<&'a RawValue>,
    limit: Option<&'a RawValue>,
    name: Option<&'a RawValue>,
}

/// Reads what is wished: the order, how many, and how their names begin.
pub(super) fn wished<O: Order>(order: &mut O, body: &[u8]) -> Result<(usize, String), String> {
    let wish = match body.trim_ascii() {
        b"" | b"null" => Wish::default(),
        [b'{', ..] => serde_json::from_slice(body).map_err(|error| error.to_string())?,
        _ => return Err("the body must be empty or a JSON object".to_owned()),
    };
    *order = member("sort", wish.sort, O::default(), || O::WORDS.to_owned())?;
    let limits = || format!("a whole number from 1 to {LIMIT_MAX}");
    let limit = member("limit", wish.limit, LIMIT, limits)?;
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(unexpected("limit", &limits()));
    }
    let name = member("name", wish.name, String::new(), || "a string".to_owned())?;
    Ok((limit, name))
}

/// Reads a member, if it is there.
fn member<T: DeserializeOwned>(
    name: &str,
    written: Option<&RawValue>,
    absent: T,
    expected: impl FnOnce() -> String,
) -> Result<T, String> {
    let Some(written) = written else { return Ok(absent) };
    serde_json::from_str(written.get()).map_err(|_| unexpected(name, &expected()))
}

fn unexpected(name: &str, expected: &str) -> String {
    format!("`{name}`: expected {expected}")
}

impl<'de> Deserialize<'de> for Wish<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Wish<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Wish<'de>, M::Error> {
        let mut wish = Wish::default();
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            let member = match &*name {
                "sort" => &mut wish.sort,
                "limit" => &mut wish.limit,
                "name" => &mut wish.name,
                _ => {
                    return Err(told(
                        &name,
                        "nobody knows it; there are `sort`, `limit` and `name`",
                    ));
                }
            };
            if member.replace(map.next_value()?).is_some() {
                return Err(told(&name, "stands there twice"));
            }
        }
        Ok(wish)
    }
}

/// What is wrong with a member.
fn told<E: serde::de::Error>(name: &str, problem: &str) -> E {
    let name: String = name.chars().take(QUOTED_CHARACTERS_MAX).collect();
    E::custom(format_args!("`{name}`: {problem}"))
}
