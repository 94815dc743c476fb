//! One setting: where it lies in its section, and what it may be.

use super::kind::Kind;
use super::written::Written;

/// A group of settings that was declared with [`section!`](super::declare::section).
pub(super) trait Section: Default + 'static {
    /// What the section is about, line by line.
    const DOCUMENTATION: &'static [&'static str];

    /// Its settings, in the order of their declaration.
    fn settings() -> Vec<Setting<Self>>;
}

/// One setting of a `Part`: a section, or the whole configuration.
pub(super) struct Setting<Part> {
    /// The name within its section.
    pub(super) name: &'static str,
    /// Meaning, unit and reason, line by line.
    pub(super) documentation: &'static [&'static str],
    value: Box<dyn Access<Part>>,
}

impl<Part: 'static> Setting<Part> {
    pub(super) fn new<K: Kind + 'static>(
        name: &'static str,
        documentation: &'static [&'static str],
        kind: K,
        read: fn(&Part) -> &K::Value,
        write: fn(&mut Part) -> &mut K::Value,
    ) -> Self {
        Self { name, documentation, value: Box::new(Field { kind, read, write }) }
    }

    /// The same setting, seen from the `Whole` that the part belongs to.
    pub(super) fn within<Whole: 'static>(
        self,
        read: fn(&Whole) -> &Part,
        write: fn(&mut Whole) -> &mut Part,
    ) -> Setting<Whole> {
        let value = Box::new(Nested { inner: self.value, read, write });
        Setting { name: self.name, documentation: self.documentation, value }
    }

    /// The same setting of the part at a place of a list, seen from the `Whole` that it belongs to.
    pub(super) fn at<Whole: 'static>(
        self,
        place: usize,
        read: fn(&Whole) -> &Vec<Part>,
        write: fn(&mut Whole) -> &mut Vec<Part>,
    ) -> Setting<Whole> {
        let value = Box::new(Listed { inner: self.value, place, read, write });
        Setting { name: self.name, documentation: self.documentation, value }
    }

    /// Takes over what was written, or returns false and leaves the value as it was.
    pub(super) fn set(&self, part: &mut Part, written: &Written) -> bool {
        self.value.set(part, written)
    }

    /// The value as TOML.
    pub(super) fn show(&self, part: &Part) -> String {
        self.value.show(part)
    }

    /// Whether the value is one of those that are allowed.
    pub(super) fn accepts(&self, part: &Part) -> bool {
        self.value.accepts(part)
    }

    /// The allowed values, for people.
    pub(super) fn allowed(&self) -> String {
        self.value.allowed()
    }

    /// The allowed values and how they are written, for people who wrote something else.
    pub(super) fn expected(&self) -> String {
        self.value.allowed() + self.value.form()
    }
}

/// A setting's value within a part, whatever its type.
trait Access<Part> {
    fn set(&self, part: &mut Part, written: &Written) -> bool;
    fn show(&self, part: &Part) -> String;
    fn accepts(&self, part: &Part) -> bool;
    fn allowed(&self) -> String;
    fn form(&self) -> &'static str;
}

struct Field<Part, K: Kind> {
    kind: K,
    read: fn(&Part) -> &K::Value,
    write: fn(&mut Part) -> &mut K::Value,
}

impl<Part, K: Kind> Access<Part> for Field<Part, K> {
    fn set(&self, part: &mut Part, written: &Written) -> bool {
        let value = self.kind.read(written).filter(|value| self.kind.accepts(value));
        value.map(|value| *(self.write)(part) = value).is_some()
    }

    fn show(&self, part: &Part) -> String {
        self.kind.show((self.read)(part))
    }

    fn accepts(&self, part: &Part) -> bool {
        self.kind.accepts((self.read)(part))
    }

    fn allowed(&self) -> String {
        self.kind.allowed()
    }

    fn form(&self) -> &'static str {
        self.kind.form()
    }
}

struct Nested<Whole, Part> {
    inner: Box<dyn Access<Part>>,
    read: fn(&Whole) -> &Part,
    write: fn(&mut Whole) -> &mut Part,
}

impl<Whole, Part> Access<Whole> for Nested<Whole, Part> {
    fn set(&self, whole: &mut Whole, written: &Written) -> bool {
        self.inner.set((self.write)(whole), written)
    }

    fn show(&self, whole: &Whole) -> String {
        self.inner.show((self.read)(whole))
    }

    fn accepts(&self, whole: &Whole) -> bool {
        self.inner.accepts((self.read)(whole))
    }

    fn allowed(&self) -> String {
        self.inner.allowed()
    }

    fn form(&self) -> &'static str {
        self.inner.form()
    }
}

struct Listed<Whole, Part> {
    inner: Box<dyn Access<Part>>,
    place: usize,
    read: fn(&Whole) -> &Vec<Part>,
    write: fn(&mut Whole) -> &mut Vec<Part>,
}

impl<Whole, Part> Access<Whole> for Listed<Whole, Part> {
    fn set(&self, whole: &mut Whole, written: &Written) -> bool {
        self.inner.set(&mut (self.write)(whole)[self.place], written)
    }

    fn show(&self, whole: &Whole) -> String {
        self.inner.show(&(self.read)(whole)[self.place])
    }

    fn accepts(&self, whole: &Whole) -> bool {
        self.inner.accepts(&(self.read)(whole)[self.place])
    }

    fn allowed(&self) -> String {
        self.inner.allowed()
    }

    fn form(&self) -> &'static str {
        self.inner.form()
    }
}
