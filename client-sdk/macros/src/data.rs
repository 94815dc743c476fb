//! `#[data]`: types that calls carry.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Field, Fields, GenericParam, Generics, Item, Type};

use crate::complaints::Complaints;
use crate::travelling;

/// Adds the derives of serde, by way of the SDK.
pub(crate) fn expand(item: &Item) -> syn::Result<TokenStream> {
    let (attributes, generics, fields) = match item {
        Item::Struct(item) => (&item.attrs, &item.generics, fields(&item.fields)),
        Item::Enum(item) => {
            let all = item.variants.iter().flat_map(|variant| fields(&variant.fields));
            (&item.attrs, &item.generics, all.collect())
        }
        _ => {
            let message = "`data` stands above a `struct` or an `enum`";
            return Err(syn::Error::new_spanned(item, message));
        }
    };
    if let Err(complaints) = check(generics, &fields) {
        let complaints = complaints.into_compile_error();
        return Ok(quote!(#complaints #item));
    }
    let conditions = attributes.iter().filter(|one| one.path().is_ident("cfg"));
    let checks = checks(generics, &fields).map(|checks| quote!(#(#conditions)* #checks));
    Ok(quote! {
        #checks
        #[derive(
            ::client_sdk::interface::serde::Serialize,
            ::client_sdk::interface::serde::Deserialize,
        )]
        #[serde(crate = "::client_sdk::interface::serde")]
        #item
    })
}

/// The types of those fields of which nothing is said to serde.
fn fields(fields: &Fields) -> Vec<&Type> {
    let is_plain = |field: &&Field| {
        !field.attrs.iter().any(|one| ["serde", "cfg"].iter().any(|word| one.path().is_ident(word)))
    };
    fields.iter().filter(is_plain).map(|field| &field.ty).collect()
}

fn check(generics: &Generics, fields: &[&Type]) -> syn::Result<()> {
    let mut complaints = Complaints::default();
    for parameter in &generics.params {
        if matches!(parameter, GenericParam::Lifetime(_)) {
            let message = "what travels is owned: write a type without a lifetime";
            complaints.add(syn::Error::new_spanned(parameter, message));
        }
    }
    for kind in fields {
        complaints.unless(travelling::check(kind));
    }
    complaints.into_result()
}

/// Lets the compiler say of each field in which words to put it right; of a generic type only serde can
/// tell.
fn checks(generics: &Generics, fields: &[&Type]) -> Option<TokenStream> {
    if !generics.params.is_empty() {
        return None;
    }
    let checks = fields
        .iter()
        .map(|kind| quote_spanned!(kind.span()=> ::client_sdk::interface::travels::<#kind>();));
    Some(quote!(const _: () = { #(#checks)* };))
}
