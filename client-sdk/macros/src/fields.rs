//! The fields of a type that are written and read as they stand there, and have to be able to travel.
//! Of all else its author has told serde something that only serde understands.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Attribute, Fields, Item, Type};

use crate::conditions::conditions;

/// What says of a whole type that something else travels in its place, or under what conditions.
const OTHERWISE: [&str; 5] = ["from", "try_from", "into", "remote", "bound"];

/// A field that travels.
pub(crate) struct Field {
    /// Its type, with the name of the type that it is in for `Self`.
    pub(crate) kind: Type,
    /// Where it is there.
    pub(crate) conditions: Vec<Attribute>,
}

/// All of them.
pub(crate) fn read(item: &Item) -> Vec<Field> {
    match item {
        Item::Struct(item) if !travels_otherwise(&item.attrs) => {
            of(&item.fields, &item.ident, &[]).collect()
        }
        Item::Enum(item) if !travels_otherwise(&item.attrs) => {
            let variants = item.variants.iter().filter(|variant| is_plain(&variant.attrs));
            let fields = variants.flat_map(|one| of(&one.fields, &item.ident, &one.attrs));
            fields.collect()
        }
        _ => Vec::new(),
    }
}

fn of(fields: &Fields, name: &Ident, around: &[Attribute]) -> impl Iterator<Item = Field> {
    let plain = fields.iter().filter(|field| is_plain(&field.attrs));
    plain.map(move |field| Field {
        kind: named(&field.ty, name),
        conditions: [conditions(around), conditions(&field.attrs)].concat(),
    })
}

/// Whether nothing is said of it to serde.
fn is_plain(attributes: &[Attribute]) -> bool {
    let words = ["serde", "cfg_attr"];
    !attributes.iter().any(|one| words.iter().any(|word| one.path().is_ident(word)))
}

fn travels_otherwise(attributes: &[Attribute]) -> bool {
    let told = attributes.iter().filter(|one| !is_plain(std::slice::from_ref(*one)));
    told.map(|one| one.meta.to_token_stream()).any(says_otherwise)
}

fn says_otherwise(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(word) => OTHERWISE.iter().any(|one| word == one),
        TokenTree::Group(group) => says_otherwise(group.stream()),
        _ => false,
    })
}

/// A type as it is called outside of the one that it stands in.
fn named(kind: &Type, name: &Ident) -> Type {
    let tokens = without_self(kind.to_token_stream(), name);
    syn::parse2(tokens).unwrap_or_else(|_| kind.clone())
}

fn without_self(tokens: TokenStream, name: &Ident) -> TokenStream {
    let token = |token| match token {
        TokenTree::Ident(word) if word == "Self" => {
            let mut name = name.clone();
            name.set_span(word.span());
            name.into()
        }
        TokenTree::Group(group) => {
            let stream = without_self(group.stream(), name);
            let mut named = proc_macro2::Group::new(group.delimiter(), stream);
            named.set_span(group.span());
            named.into()
        }
        other => other,
    };
    tokens.into_iter().map(token).collect()
}
