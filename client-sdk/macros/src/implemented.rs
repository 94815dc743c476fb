//! The attribute above an `impl`: says that the object may be served or offered.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ItemImpl;

use crate::interface::Role;

/// Keeps the `impl` as it is, and adds how calls reach it.
pub(crate) fn expand(role: Role, item: &ItemImpl) -> syn::Result<TokenStream> {
    let Some((_, interface, _)) = &item.trait_ else {
        let message = format!("`{role}` stands above `impl Trait for Type`");
        return Err(syn::Error::new_spanned(&item.self_ty, message));
    };
    let (before, _, condition) = item.generics.split_for_impl();
    let object = &item.self_ty;
    Ok(quote! {
        #item

        #[automatically_derived]
        impl #before ::client_sdk::interface::Implements<dyn #interface> for #object #condition {
            fn into_handler(self) -> ::std::sync::Arc<dyn ::client_sdk::interface::Handler> {
                <dyn #interface>::__handler(self)
            }
        }
    })
}
