//! Switches, and one of several names.

use std::marker::PhantomData;

use super::Kind;
use crate::config::written::Written;

/// A value that is one of a few with names.
pub(in crate::config) trait Choice: Copy + PartialEq + 'static {
    /// All of them, with the names that files use.
    const CHOICES: &'static [(&'static str, Self)];

    /// The name that files use.
    fn name(self) -> &'static str {
        let is_this = |(_, value): &&(&'static str, Self)| *value == self;
        Self::CHOICES.iter().find(is_this).map(|(name, _)| *name).expect("all choices have names")
    }
}

/// One of the names of a [`Choice`].
pub(in crate::config) struct OneOf<T>(PhantomData<T>);

/// One of the names of `T`.
pub(in crate::config) fn choice<T: Choice>() -> OneOf<T> {
    OneOf(PhantomData)
}

impl<T: Choice> Kind for OneOf<T> {
    type Value = T;

    fn read(&self, written: &Written) -> Option<T> {
        let text = written.text()?.trim();
        T::CHOICES.iter().find(|(name, _)| *name == text).map(|(_, value)| *value)
    }

    fn accepts(&self, _value: &T) -> bool {
        true
    }

    fn show(&self, value: &T) -> String {
        super::quoted(value.name())
    }

    fn allowed(&self) -> String {
        either::<T>()
    }
}

/// The names of a choice, for people.
fn either<T: Choice>() -> String {
    let names: Vec<_> = T::CHOICES.iter().map(|(name, _)| format!("\"{name}\"")).collect();
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => "absent".to_owned(),
    }
}

/// Some of the names of a [`Choice`], each once.
pub(in crate::config) struct SomeOf<T>(PhantomData<T>);

/// Some of the names of `T`.
pub(in crate::config) fn choices<T: Choice>() -> SomeOf<T> {
    SomeOf(PhantomData)
}

impl<T: Choice> Kind for SomeOf<T> {
    type Value = Vec<T>;

    fn read(&self, written: &Written) -> Option<Vec<T>> {
        let names = written.texts()?;
        names.iter().map(|name| choice().read(&Written::Text(name.clone()))).collect()
    }

    fn accepts(&self, value: &Vec<T>) -> bool {
        value.iter().enumerate().all(|(place, one)| !value[..place].contains(one))
    }

    fn show(&self, value: &Vec<T>) -> String {
        let names: Vec<_> = value.iter().map(|one| super::quoted(one.name())).collect();
        format!("[{}]", names.join(", "))
    }

    fn allowed(&self) -> String {
        format!("a list of {}, each at most once", either::<T>())
    }
}

/// True or false.
pub(in crate::config) struct Switch;

/// True or false.
pub(in crate::config) fn switch() -> Switch {
    Switch
}

impl Kind for Switch {
    type Value = bool;

    fn read(&self, written: &Written) -> Option<bool> {
        written.boolean()
    }

    fn accepts(&self, _value: &bool) -> bool {
        true
    }

    fn show(&self, value: &bool) -> String {
        value.to_string()
    }

    fn allowed(&self) -> String {
        "true or false".to_owned()
    }
}
