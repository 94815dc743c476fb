//! The members of one object, found but not yet read.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::super::error::{Fault, Offence};
use super::super::layout::HEADERS_MAX;
use super::Value;

/// The most members of one object; those that nobody knows count too.
const MEMBERS_MAX: usize = HEADERS_MAX;

/// The members of one object that nobody has taken yet.
pub(crate) struct Members<'a> {
    list: Vec<(Cow<'a, str>, &'a str)>,
}

impl<'a> Members<'a> {
    /// Finds the members of an object.
    pub(crate) fn find(object: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(object)
    }

    /// Takes the text of a member's value; an error if it stands there twice.
    pub(crate) fn take(&mut self, name: &'static str) -> Result<Option<&'a str>, Offence> {
        let Some(place) = self.place(name) else { return Ok(None) };
        let (_, raw) = self.list.swap_remove(place);
        if self.place(name).is_some() {
            return Err(Fault::Twice.at(name));
        }
        Ok(Some(raw))
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.list.iter().position(|(member, _)| member == name)
    }

    /// Takes and reads a member; what is missing is `absent`, or what its kind has for that.
    pub(crate) fn field<T: Value<'a>>(
        &mut self,
        name: &'static str,
        absent: Option<T>,
    ) -> Result<T, Offence> {
        match self.take(name)? {
            Some(raw) => T::read_json(raw).map_err(|fault| fault.at(name)),
            None => absent.or_else(T::absent).ok_or(Fault::Missing.at(name)),
        }
    }

    /// All that is left, in no particular order unless nothing was taken.
    pub(super) fn into_list(self) -> Vec<(Cow<'a, str>, &'a str)> {
        self.list
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Members<'de>, M::Error> {
        let mut list = Vec::new();
        while let Some((Name(name), raw)) = map.next_entry::<Name<'de>, &'de RawValue>()? {
            if list.len() == MEMBERS_MAX {
                return Err(M::Error::custom("more than 256 members"));
            }
            list.push((name, raw.get()));
        }
        Ok(Members { list })
    }
}

/// The items of an array, found but not yet read.
pub(super) struct Items<'a>(pub(super) Vec<&'a str>);

impl<'de> Deserialize<'de> for Items<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ItemsVisitor)
    }
}

struct ItemsVisitor;

impl<'de> Visitor<'de> for ItemsVisitor {
    type Value = Items<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut items: S) -> Result<Items<'de>, S::Error> {
        let mut list = Vec::new();
        while let Some(raw) = items.next_element::<&'de RawValue>()? {
            list.push(raw.get());
        }
        Ok(Items(list))
    }
}

/// A member's name, borrowed where it has no escapes.
struct Name<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor)
    }
}

struct NameVisitor;

impl<'de> Visitor<'de> for NameVisitor {
    type Value = Name<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a name")
    }

    fn visit_borrowed_str<E: Error>(self, name: &'de str) -> Result<Name<'de>, E> {
        Ok(Name(Cow::Borrowed(name)))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Name<'de>, E> {
        Ok(Name(Cow::Owned(name.to_owned())))
    }
}
