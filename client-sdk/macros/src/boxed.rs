//! `#[async_trait]` of the crate of that name, which many write above a trait by habit: here it isn't
//! needed, and what it makes of a method isn't understood.

use syn::{Attribute, Generics};

const COMPLAINT: &str = "here `async fn` needs no help: remove `#[async_trait]`";

/// Removes it, with a complaint, where it stands below ours.
pub(crate) fn remove(attributes: &mut Vec<Attribute>) -> syn::Result<()> {
    let is_it = |one: &Attribute| {
        one.path().segments.last().is_some_and(|last| last.ident == "async_trait")
    };
    let found = attributes.iter().position(is_it).map(|place| attributes.remove(place));
    found.map_or(Ok(()), |it| Err(syn::Error::new_spanned(it, COMPLAINT)))
}

/// Complains about a method of which it has made another: it stands above ours.
pub(crate) fn check(generics: &Generics) -> syn::Result<()> {
    match generics.lifetimes().find(|one| one.lifetime.ident == "async_trait") {
        Some(made) => Err(syn::Error::new_spanned(made, COMPLAINT)),
        None => Ok(()),
    }
}
