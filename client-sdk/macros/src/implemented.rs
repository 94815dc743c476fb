//! The attribute above an `impl`: says that the object may be served or offered.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, ItemImpl};

use crate::interface::Role;

/// Keeps the `impl` as it is, and adds how calls reach it.
pub(crate) fn expand(role: Role, item: &ItemImpl) -> syn::Result<TokenStream> {
    let Some((_, interface, _)) = &item.trait_ else {
        let message =
            format!("`{role}` stands above the `impl` of a trait: write `impl Trait for Type`");
        return Err(syn::Error::new_spanned(&item.self_ty, message));
    };
    let conditions: Vec<&Attribute> =
        item.attrs.iter().filter(|one| one.path().is_ident("cfg")).collect();
    let (before, _, condition) = item.generics.split_for_impl();
    let object = &item.self_ty;
    let implements = match role {
        Role::Callback => quote!(ImplementsCallback),
        Role::Service => quote!(ImplementsService),
    };
    // What the compiler says of the trait, it says at its name.
    let handler = quote_spanned! {interface.span()=>
        <dyn #interface as ::client_sdk::interface::HandledAs<Self, #role>>::handler(self)
    };
    Ok(quote! {
        #item

        #(#conditions)*
        #[automatically_derived]
        impl #before ::client_sdk::interface::#implements<dyn #interface> for #object #condition {
            fn into_handler(self) -> ::std::sync::Arc<dyn ::client_sdk::interface::Handler> {
                #handler
            }
        }
    })
}
