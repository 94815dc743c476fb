//! `#[data]`: types that calls carry.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Item;

/// Adds the derives of serde, by way of the SDK.
pub(crate) fn expand(item: &Item) -> syn::Result<TokenStream> {
    if !matches!(item, Item::Struct(_) | Item::Enum(_)) {
        return Err(syn::Error::new_spanned(item, "`data` stands above a `struct` or an `enum`"));
    }
    Ok(quote! {
        #[derive(
            ::client_sdk::interface::serde::Serialize,
            ::client_sdk::interface::serde::Deserialize,
        )]
        #[serde(crate = "::client_sdk::interface::serde")]
        #item
    })
}
