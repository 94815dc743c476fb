//! How deep a value may be nested, and how many elements its lists may have: it comes from elsewhere, and
//! a few bytes could say that it is endless either way.

use std::cell::Cell;

use serde::de::Error;

/// How deep values may be nested: each list, tuple, map, structure, variant and `Option` that holds
/// something is a level. As many as of JSON are read anyway.
pub(super) const LEVELS_MAX: usize = 128;

/// Elements of lists and maps that take no bytes, as those of a `Vec<()>`, in one value at most.
pub(super) const ELEMENTS_WITHOUT_BYTES_MAX: usize = 65_536;

/// How many elements the lists and maps of one value may still have, all together. An element that takes
/// bytes has one that belongs to no other: there can't be more of them than bytes.
#[derive(Debug)]
pub(super) struct Elements(Cell<usize>);

/// What may still come inside of what is being read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds<'a> {
    levels: usize,
    elements: &'a Elements,
    /// Whether it is a list or a map, and says itself how long it is. Of all else the type does.
    is_list: bool,
}

impl Elements {
    pub(super) fn of(payload: &[u8]) -> Self {
        Self(Cell::new(payload.len().saturating_add(ELEMENTS_WITHOUT_BYTES_MAX)))
    }

    /// What holds for the whole value.
    pub(super) fn bounds(&self) -> Bounds<'_> {
        Bounds { levels: LEVELS_MAX, elements: self, is_list: false }
    }

    fn take<E: Error>(&self, elements: usize) -> Result<(), E> {
        let too_many = || {
            E::custom(format_args!(
                "its lists have more elements than it has bytes, and {ELEMENTS_WITHOUT_BYTES_MAX} more"
            ))
        };
        self.0.set(self.0.get().checked_sub(elements).ok_or_else(too_many)?);
        Ok(())
    }
}

impl Bounds<'_> {
    /// The same of a list or a map.
    pub(super) fn of_list(self) -> Self {
        Self { is_list: true, ..self }
    }

    /// What holds one level below.
    ///
    /// # Errors
    /// If that is too deep.
    pub(super) fn below<E: Error>(self) -> Result<Self, E> {
        let too_deep = || E::custom(format_args!("it is nested more than {LEVELS_MAX} deep"));
        let levels = self.levels.checked_sub(1).ok_or_else(too_deep)?;
        Ok(Self { levels, is_list: false, ..self })
    }

    /// What holds for the elements of this, so many of them if it says that beforehand.
    ///
    /// # Errors
    /// If that is too deep, or there are too many.
    pub(super) fn of_elements<E: Error>(self, elements: Option<usize>) -> Result<Self, E> {
        if let Some(elements) = elements
            && self.is_list
        {
            self.elements.take::<E>(elements)?;
        }
        self.below()
    }
}
