//! Which types can travel, as far as the way they are written tells. The rest serde tells.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{
    AngleBracketedGenericArguments, Attribute, GenericArgument, GenericParam, Generics, Ident,
    Lifetime, Path, PathArguments, PathSegment, Type, TypeParamBound, TypeTraitObject,
};

use crate::complaints::Complaints;

/// What there is to say about a lifetime.
pub(crate) const OWNED: &str = "what travels is owned: write a type without a lifetime";

/// What there is to say about lifetimes of what can't have any, nor types, nor conditions.
pub(crate) fn check_generics(generics: &Generics, generic: &str) -> syn::Result<()> {
    let is_lifetime = |one: &GenericParam| matches!(one, GenericParam::Lifetime(_));
    let (what, message): (&dyn ToTokens, _) = match &generics.where_clause {
        _ if generics.params.iter().any(|one| !is_lifetime(one)) => (generics, generic),
        _ if !generics.params.is_empty() => {
            (generics, "what travels is owned, and borrows nothing: remove the lifetime")
        }
        Some(condition) => (condition, "what is called from afar has no conditions: remove this"),
        None => return Ok(()),
    };
    Err(syn::Error::new_spanned(what, message))
}

/// Has the compiler complain about what can't travel where it stands, and say what to write. Each type comes
/// with the conditions under which it is there.
pub(crate) fn checked<'a>(kinds: impl Iterator<Item = (&'a [Attribute], &'a Type)>) -> TokenStream {
    let checks = kinds.map(|(conditions, kind)| {
        let check = quote_spanned!(kind.span()=> ::client_sdk::interface::travels::<#kind>(););
        quote!(#(#conditions)* #check)
    });
    quote!(const _: () = { #(#checks)* };)
}

/// Complains about what can't travel, however deep inside the type it stands.
pub(crate) fn check(kind: &Type) -> syn::Result<()> {
    let message = match kind {
        Type::Reference(reference) => return Err(borrowed(reference)),
        Type::ImplTrait(_) => "both ends must mean the same type: write its name",
        Type::TraitObject(object) if is_error(object) => {
            "both ends must mean the same error: write one of your own, with \
             `#[client_sdk::data]` above it"
        }
        Type::TraitObject(_) => {
            "an object doesn't travel, a handle to it does: write `Callback<dyn …>`, of a trait with \
             `#[client_sdk::callback]`"
        }
        Type::Ptr(_) => "an address means nothing elsewhere: write the type without `*`",
        Type::BareFn(_) => {
            "code doesn't travel, a handle to an object does: write `Callback<dyn …>`"
        }
        Type::Infer(_) => "both ends must mean the same type: write it out",
        Type::Path(path) if path.qself.is_none() && starts_with_self(&path.path) => {
            "the object stays where it is: write the name of a type that travels"
        }
        Type::Path(path) => return check_path(&path.path),
        Type::Tuple(tuple) => return check_all(tuple.elems.iter()),
        Type::Array(array) => return check(&array.elem),
        Type::Slice(slice) => {
            let message = "what travels has a size: write `Vec<T>` for `[T]`";
            return Err(syn::Error::new_spanned(slice, message));
        }
        Type::Paren(paren) => return check(&paren.elem),
        Type::Group(group) => return check(&group.elem),
        _ => return Ok(()),
    };
    Err(syn::Error::new_spanned(kind, message))
}

fn check_all<'a>(kinds: impl Iterator<Item = &'a Type>) -> syn::Result<()> {
    let mut complaints = Complaints::default();
    for kind in kinds {
        complaints.unless(check(kind));
    }
    complaints.into_result()
}

fn borrowed(reference: &syn::TypeReference) -> syn::Error {
    let inner = &*reference.elem;
    let owned = match inner {
        Type::Path(path) if path.path.is_ident("str") => "`String`".to_owned(),
        Type::Slice(_) => "`Vec<…>`".to_owned(),
        _ => "the type without `&`".to_owned(),
    };
    syn::Error::new_spanned(reference, format!("what travels is owned: write {owned}"))
}

fn starts_with_self(path: &Path) -> bool {
    path.segments.first().is_some_and(|first| first.ident == "Self")
}

fn check_path(path: &Path) -> syn::Result<()> {
    let mut complaints = Complaints::default();
    stays(path)?;
    is_of_one_trait(path)?;
    for segment in &path.segments {
        // Nothing of it travels.
        if segment.ident != "PhantomData"
            && let PathArguments::AngleBracketed(arguments) = &segment.arguments
        {
            complaints.unless(check_arguments(segment, arguments));
        }
    }
    complaints.into_result()
}

/// Whether it is `dyn Error`, with whatever else.
fn is_error(object: &TypeTraitObject) -> bool {
    object.bounds.iter().any(|bound| match bound {
        TypeParamBound::Trait(bound) => {
            bound.path.segments.last().is_some_and(|last| last.ident == "Error")
        }
        _ => false,
    })
}

/// Complains about what the SDK gives to one end alone: `Service<dyn Room>`.
fn stays(path: &Path) -> syn::Result<()> {
    let Some((name, _)) = handle(path) else { return Ok(()) };
    let message = match name.to_string().as_str() {
        "Service" => "a service is found by its name: write `String`, to be resolved there",
        "CallbackSet" => "a set is made of its topic: write `String`, and make it anew there",
        "Offered" => "the guard stays with who offered: write `Callback<dyn …>`, a handle to it",
        _ => return Ok(()),
    };
    Err(syn::Error::new_spanned(path, message))
}

/// Complains about `Callback<dyn Screen + Send>`.
fn is_of_one_trait(path: &Path) -> syn::Result<()> {
    let is_trait = |one: &&TypeParamBound| matches!(one, TypeParamBound::Trait(_));
    match handle(path) {
        Some((name, object))
            if name == "Callback" && object.bounds.iter().filter(is_trait).count() > 1 =>
        {
            let message = "a handle is to an object of one trait, and goes wherever it is sent: write \
                           `Callback<dyn …>` without what is added";
            Err(syn::Error::new_spanned(object, message))
        }
        _ => Ok(()),
    }
}

/// What is said of some `dyn Trait`, as handles are: the name, and the trait.
fn handle(path: &Path) -> Option<(&Ident, &TypeTraitObject)> {
    let last = path.segments.last()?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match arguments.args.first() {
        Some(GenericArgument::Type(Type::TraitObject(object))) => Some((&last.ident, object)),
        _ => None,
    }
}

fn check_arguments(
    segment: &PathSegment,
    arguments: &AngleBracketedGenericArguments,
) -> syn::Result<()> {
    let mut complaints = Complaints::default();
    let is_pointer = ["Box", "Arc", "Rc"].iter().any(|pointer| segment.ident == pointer);
    for argument in &arguments.args {
        match argument {
            GenericArgument::Lifetime(lifetime) => _ = complaints.unless(check_lifetime(lifetime)),
            // What is in angle brackets of a type of the user's own is that type's business:
            // `Callback<dyn Chat>`, `Box<str>`.
            GenericArgument::Type(Type::TraitObject(_)) if !is_pointer => {}
            GenericArgument::Type(Type::Slice(slice)) => _ = complaints.unless(check(&slice.elem)),
            GenericArgument::Type(kind) => _ = complaints.unless(check(kind)),
            _ => {}
        }
    }
    complaints.into_result()
}

fn check_lifetime(lifetime: &Lifetime) -> syn::Result<()> {
    match lifetime.ident == "static" {
        true => Ok(()),
        false => Err(syn::Error::new(lifetime.span(), OWNED)),
    }
}
