//! The json codec: one object on one line, members by name.
//!
//! Members are found first and read afterwards ([`Members`]), so that `type` may stand anywhere,
//! an error names its member, and embedded documents are carried as they are written. Nothing here
//! recurses, so a document of any depth is read; how deep one nests that is written, its readers bound.

mod body;
mod members;
mod value;
mod variants;
mod write;

pub(super) use members::Members;
pub(super) use value::{Value, read_word};
pub(super) use write::{Object, write_string};

use super::error::Offence;

/// A value whose fields are members of an object.
pub(super) trait JsonFields<'a>: Sized {
    /// Writes the fields as members, in their order.
    fn write_members(&self, object: &mut Object<'_>);
    /// Takes the fields out of the members; what isn't known is left.
    fn read_members(members: &mut Members<'a>) -> Result<Self, Offence>;
}
