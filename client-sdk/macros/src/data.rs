//! `#[data]`: types that calls carry.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{GenericParam, Generics, Item};

use crate::complaints::Complaints;
use crate::conditions::conditions;
use crate::fields::{self, Field};
use crate::{parts, travelling};

/// Adds the derives of serde, by way of the SDK.
pub(crate) fn expand(item: &Item) -> syn::Result<TokenStream> {
    let (attributes, generics) = match item {
        Item::Struct(item) => (&item.attrs, &item.generics),
        Item::Enum(item) => (&item.attrs, &item.generics),
        _ => {
            let message = "`data` stands above a `struct` or an `enum`";
            return Err(syn::Error::new_spanned(item, message));
        }
    };
    let fields = fields::read(item);
    if let Err(complaints) = check(generics, &fields) {
        let complaints = complaints.into_compile_error();
        return Ok(quote!(#complaints #item));
    }
    let conditions = conditions(attributes);
    let checks = checks(generics, &fields).map(|checks| quote!(#(#conditions)* #checks));
    let parts = generics.params.is_empty().then(|| parts::emit(item, &fields)).flatten();
    if let Some(parts) = parts {
        return Ok(quote!(#checks #item #parts));
    }
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

/// Complains about what the way in which it is written tells, of all that is there for sure.
fn check(generics: &Generics, fields: &[Field]) -> syn::Result<()> {
    let mut complaints = Complaints::default();
    for parameter in &generics.params {
        if matches!(parameter, GenericParam::Lifetime(_)) {
            complaints.add(syn::Error::new_spanned(parameter, travelling::OWNED));
        }
    }
    for field in fields.iter().filter(|field| field.conditions.is_empty()) {
        complaints.unless(travelling::check(&field.kind));
    }
    complaints.into_result()
}

/// Lets the compiler say of each field in which words to put it right; of a generic type only serde can
/// tell.
fn checks(generics: &Generics, fields: &[Field]) -> Option<TokenStream> {
    if !generics.params.is_empty() {
        return None;
    }
    let checks = travelling::checked(fields.iter().map(|one| (&one.conditions[..], &one.kind)));
    Some(quote!(#[allow(deprecated)] #checks))
}
