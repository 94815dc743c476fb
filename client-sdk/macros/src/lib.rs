//! The attributes `callback` and `service` of the client SDK, and `data` for what calls carry.
//!
//! Use them as `client_sdk::callback` and so on: what they make refers to that crate. The flow:
//! `declared` reads the trait into an `interface::Interface`, or complains at the token that
//! offends; `emit` writes the trait, the caller's side, and the dispatcher of the callee's.

mod boxed;
mod complaints;
mod conditions;
mod data;
mod declared;
mod emit;
#[cfg(test)]
mod expanded;
mod fields;
mod fingerprint;
mod implemented;
mod interface;
mod lane;
mod method;
mod options;
mod parts;
mod taken;
mod time;
mod travelling;
mod unasked;
mod unknown;

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
    if let Err(error) = none(&arguments) {
        return error.into_compile_error().into();
    }
    match item {
        Item::Trait(item) => {
            let (interface, complaints) = declared::read(role, item);
            let made = interface.map(|interface| emit::emit(&interface)).unwrap_or_default();
            let complaints = complaints.into_result().map_err(syn::Error::into_compile_error);
            let complaints = complaints.err().unwrap_or_default();
            quote::quote!(#complaints #made).into()
        }
        Item::Impl(item) => implemented::expand(role, item).into(),
        other => finish(Err(misplaced(role, other))),
    }
}

fn misplaced(role: Role, item: &Item) -> syn::Error {
    let message = format!("`{role}` stands above a trait, or above the `impl` of such a trait");
    let message = match item {
        Item::Struct(_) | Item::Enum(_) => {
            format!("{message}; above a type that calls carry write `#[client_sdk::data]`")
        }
        _ => message,
    };
    syn::Error::new_spanned(first_line(item), message)
}

/// What tells an item from others, if it is one of those that are mistaken most easily.
fn first_line(item: &Item) -> proc_macro2::TokenStream {
    use quote::ToTokens as _;
    match item {
        Item::Struct(item) => item.ident.to_token_stream(),
        Item::Enum(item) => item.ident.to_token_stream(),
        Item::Fn(item) => item.sig.ident.to_token_stream(),
        Item::Mod(item) => item.ident.to_token_stream(),
        other => other.to_token_stream(),
    }
}

fn none(arguments: &proc_macro2::TokenStream) -> syn::Result<()> {
    match arguments.is_empty() {
        true => Ok(()),
        false => Err(syn::Error::new_spanned(
            arguments,
            "this attribute has no arguments: write it without parentheses",
        )),
    }
}

fn finish(expanded: syn::Result<proc_macro2::TokenStream>) -> TokenStream {
    expanded.unwrap_or_else(syn::Error::into_compile_error).into()
}
