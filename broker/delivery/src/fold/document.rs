//! A JSON document, read as far as somebody looks into it. What nobody looks into stays the text
//! that it was: numbers, escapes and the order of members with it.

use std::borrow::Cow;
use std::fmt;

use hashbrown::HashMap;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A document or a part of one.
#[derive(Debug)]
pub(super) enum Node<'a> {
    /// Its text, without whitespace around it.
    Text(&'a str),
    /// An object that was looked into.
    Object(Members<'a>),
}

/// The members of an object, in their order, each name once.
#[derive(Debug, Default)]
pub(super) struct Members<'a> {
    list: Vec<Member<'a>>,
    /// Where each name stands, once they are many. Clients choose the names.
    places: HashMap<Cow<'a, str>, usize>,
    /// How long their text is.
    bytes: usize,
}

#[derive(Debug)]
pub(super) struct Member<'a> {
    name: Cow<'a, str>,
    /// The name as it was written, with its quotes.
    written: &'a str,
    pub(super) node: Node<'a>,
}

/// How many members are compared one by one.
const COMPARED_MAX: usize = 16;

/// How long an object's text is beside its members, in bytes.
const BRACES: usize = 2;

impl Default for Node<'_> {
    fn default() -> Self {
        Self::Text("")
    }
}

impl<'a> Node<'a> {
    /// The document in a payload, if it is one.
    pub(super) fn read(payload: &'a [u8]) -> Option<Self> {
        let raw: &RawValue = serde_json::from_slice(payload).ok()?;
        Some(Self::Text(raw.get()))
    }

    /// The same, looked into already if it is an object that can be: its text is read once for both.
    pub(super) fn read_opened(payload: &'a [u8]) -> Option<Self> {
        let object = payload.trim_ascii_start().starts_with(b"{");
        let members = object.then(|| serde_json::from_slice(payload).ok()).flatten();
        members.map(Self::Object).or_else(|| Self::read(payload))
    }

    pub(super) fn is_object(&self) -> bool {
        match self {
            Self::Text(text) => text.starts_with('{'),
            Self::Object(_) => true,
        }
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self, Self::Text("null"))
    }

    /// Looks into an object. `None` if it isn't one, or a name stands there twice.
    pub(super) fn open(&mut self) -> Option<&mut Members<'a>> {
        if let Self::Text(text) = self {
            *self = Self::Object(serde_json::from_str(text).ok()?);
        }
        match self {
            Self::Text(_) => None,
            Self::Object(members) => Some(members),
        }
    }

    /// Whether nothing is left of it, not even `null`.
    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::Text(""))
    }

    /// How long its text is.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Object(members) => BRACES + members.bytes,
        }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Text(text) => out.extend_from_slice(text.as_bytes()),
            Self::Object(members) => members.write(out),
        }
    }
}

impl<'a> Members<'a> {
    fn place(&self, name: &str) -> Option<usize> {
        match self.list.len() <= COMPARED_MAX {
            true => self.list.iter().position(|member| member.name == name),
            false => self.places.get(name).copied(),
        }
    }

    pub(super) fn find(&mut self, name: &str) -> Option<&mut Node<'a>> {
        let place = self.place(name)?;
        Some(&mut self.list[place].node)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Member<'a>> {
        self.list.iter_mut()
    }

    /// Changes the member of that name with `change`, or puts the new one behind the others.
    pub(super) fn put(&mut self, member: Member<'a>, change: impl FnOnce(&mut Node<'a>, Node<'a>)) {
        let Some(place) = self.place(&member.name) else { return self.append(member) };
        let node = &mut self.list[place].node;
        self.bytes -= node.bytes();
        change(node, member.node);
        self.bytes += node.bytes();
    }

    /// Keeps those of which `keeps` says so.
    pub(super) fn retain(&mut self, keeps: impl Fn(&Node<'a>) -> bool) {
        let kept = std::mem::take(self).into_iter().filter(|member| keeps(&member.node));
        kept.for_each(|member| self.append(member));
    }

    fn append(&mut self, member: Member<'a>) {
        let comma = usize::from(!self.list.is_empty());
        self.bytes += comma + member.written.len() + 1 + member.node.bytes();
        let place = self.list.len();
        if place == COMPARED_MAX {
            let names = self.list.iter().enumerate();
            self.places = names.map(|(place, member)| (member.name.clone(), place)).collect();
        }
        if place >= COMPARED_MAX {
            self.places.insert(member.name.clone(), place);
        }
        self.list.push(member);
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        for (place, member) in self.list.iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            out.extend_from_slice(member.written.as_bytes());
            out.push(b':');
            member.node.write(out);
        }
        out.push(b'}');
    }
}

impl<'a> Member<'a> {
    fn new(written: &'a str, text: &'a str) -> Result<Self, serde_json::Error> {
        let name = match written.contains('\\') {
            true => Cow::Owned(serde_json::from_str(written)?),
            false => Cow::Borrowed(&written[1..written.len() - 1]),
        };
        Ok(Self { name, written, node: Node::Text(text) })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

impl<'a> IntoIterator for Members<'a> {
    type Item = Member<'a>;
    type IntoIter = std::vec::IntoIter<Member<'a>>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ReadMembers)
    }
}

struct ReadMembers;

impl<'de> Visitor<'de> for ReadMembers {
    type Value = Members<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = Members::default();
        while let Some((name, node)) = map.next_entry::<&'de RawValue, &'de RawValue>()? {
            let member = Member::new(name.get(), node.get()).map_err(A::Error::custom)?;
            if members.place(&member.name).is_some() {
                return Err(A::Error::custom("a name stands there twice"));
            }
            members.append(member);
        }
        Ok(members)
    }
}
