//! The attributes that say whether something is there at all.

use syn::Attribute;

/// Those among these: what is made of something is there if it is.
pub(crate) fn conditions(attributes: &[Attribute]) -> Vec<Attribute> {
    attributes.iter().filter(|one| one.path().is_ident("cfg")).cloned().collect()
}
