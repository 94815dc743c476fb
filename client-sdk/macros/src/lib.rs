//! The attributes `callback` and `service` of the client SDK, and `data` for what calls carry.
//!
//! Use them as `client_sdk::callback` and so on: what they make refers to that crate. The flow:
//! [`declared`] reads the trait into an [`interface::Interface`], or complains at the token that
//! offends; `emit` writes the trait, the caller's side, and the dispatcher of the callee's.

mod data;
mod declared;
mod emit;
mod fingerprint;
mod implemented;
mod interface;
mod lane;
mod time;

use proc_macro::TokenStream;
use syn::{Item, parse_macro_input};

use interface::Role;

/// Makes a trait a callback interface, or an object one of its implementers.
///
/// See the module `interface` of the client SDK.
#[proc_macro_attribute]
pub fn callback(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand(Role::Callback, arguments, &parse_macro_input!(item as Item))
}

/// Makes a trait a service interface, or an object one of its implementers.
///
/// See the module `interface` of the client SDK.
#[proc_macro_attribute]
pub fn service(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand(Role::Service, arguments, &parse_macro_input!(item as Item))
}

/// Makes a type one that calls can carry: derives `Serialize` and `Deserialize` of serde, without a
/// dependency of one's own.
#[proc_macro_attribute]
pub fn data(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let arguments = proc_macro2::TokenStream::from(arguments);
    let item = parse_macro_input!(item as Item);
    finish(none(&arguments).and_then(|()| data::expand(&item)))
}

fn expand(role: Role, arguments: TokenStream, item: &Item) -> TokenStream {
    let arguments = proc_macro2::TokenStream::from(arguments);
    finish(none(&arguments).and_then(|()| match item {
        Item::Trait(item) => declared::read(role, item).map(|interface| emit::emit(&interface)),
        Item::Impl(item) => implemented::expand(role, item),
        other => Err(syn::Error::new_spanned(
            other,
            format!("`{role}` stands above a trait, or above the `impl` of such a trait"),
        )),
    }))
}

fn none(arguments: &proc_macro2::TokenStream) -> syn::Result<()> {
    match arguments.is_empty() {
        true => Ok(()),
        false => Err(syn::Error::new_spanned(arguments, "this attribute has no arguments")),
    }
}

fn finish(expanded: syn::Result<proc_macro2::TokenStream>) -> TokenStream {
    expanded.unwrap_or_else(syn::Error::into_compile_error).into()
}
