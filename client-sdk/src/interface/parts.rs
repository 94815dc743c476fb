//! What the attribute `data` does with a type that can't travel since one of its parts can't, so that only
//! [`travels`](super::travels) complains: as in [`Carried`](super::Carried), each function stands here
//! twice, and the second one is never called.

use std::marker::PhantomData;

use serde::de::DeserializeOwned;
use serde::{Deserializer, Serialize, Serializer};

/// The parts of a value. The attribute writes this.
#[derive(Debug)]
pub struct Parts<T>(PhantomData<T>);

impl<T: Serialize> Parts<T> {
    /// Writes them.
    ///
    /// # Errors
    /// The serializer's.
    pub fn write<S: Serializer>(parts: &T, serializer: S) -> Result<S::Ok, S::Error> {
        parts.serialize(serializer)
    }
}

impl<T: DeserializeOwned> Parts<T> {
    /// Reads them.
    ///
    /// # Errors
    /// The deserializer's.
    pub fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        T::deserialize(deserializer)
    }
}

/// The same of all parts. Nothing of it is ever called.
pub trait PartsOfNone<T>: Sized {
    /// Stands for [`Parts::write`].
    #[allow(clippy::missing_errors_doc, reason = "it is never called")]
    fn write<S: Serializer>(_: &T, _: S) -> Result<S::Ok, S::Error> {
        unreachable!("of a part that can't travel the compiler has complained")
    }

    /// Stands for [`Parts::read`].
    #[allow(clippy::missing_errors_doc, reason = "it is never called")]
    fn read<'de, D: Deserializer<'de>>(_: D) -> Result<T, D::Error> {
        unreachable!("of a part that can't travel the compiler has complained")
    }
}

impl<T> PartsOfNone<T> for Parts<T> {}
