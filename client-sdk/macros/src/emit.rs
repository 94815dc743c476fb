//! Writes what is made of an interface: the trait itself, what describes it, the caller's side and
//! the callee's.

mod calls;
mod declared;
mod description;
mod handler;

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::{Ident, Type};

use crate::interface::{Answer, Interface, Method, Role};
use crate::travelling;

/// All of it, in the order in which it is read.
pub(crate) fn emit(interface: &Interface) -> TokenStream {
    let conditions = &interface.conditions;
    let declared = declared::emit(interface);
    let checked = checked(interface);
    let arguments = interface.methods.iter().map(|method| arguments(interface, method));
    let handles = calls::declared(interface);
    let calls = calls::emit(interface);
    let described = description::emit(interface);
    let handler = handler::emit(interface);
    quote! {
        #declared
        #handles
        #(#conditions)*
        #[doc(hidden)]
        #[allow(non_camel_case_types, dead_code, deprecated, clippy::all, clippy::pedantic)]
        const _: () = {
            #[allow(unused_imports)]
            use ::client_sdk::interface::CarriedByNone as _;
            #checked
            #(#arguments)*
            #calls
            #described
            #handler
        };
    }
}

/// Each type that travels is checked, once.
fn checked(interface: &Interface) -> TokenStream {
    let kinds = interface.methods.iter().flat_map(|method| {
        let answer: Vec<&Type> = match &method.answer {
            Answer::None => Vec::new(),
            Answer::Value(value) => vec![&**value],
            Answer::Fallible(value, error) => vec![&**value, &**error],
        };
        method.arguments.iter().map(|argument| &argument.kind).chain(answer)
    });
    let mut seen: Vec<&Type> = Vec::new();
    for kind in kinds {
        if !seen.contains(&kind) {
            seen.push(kind);
        }
    }
    travelling::checked(seen.into_iter().map(|kind| (&[][..], kind)))
}

/// What travels: one structure for both ends. It is generic, so that the compiler complains about the
/// types of arguments where they are written, and not here.
fn arguments(interface: &Interface, method: &Method) -> TokenStream {
    let structure = arguments_name(interface, method);
    let names: Vec<_> = method.arguments.iter().map(|argument| &argument.name).collect();
    let kinds: Vec<_> = (0..names.len()).map(|place| format_ident!("A{place}")).collect();
    let generics = (!kinds.is_empty()).then(|| quote!(<#(#kinds),*>));
    quote! {
        #[derive(
            ::client_sdk::interface::serde::Serialize,
            ::client_sdk::interface::serde::Deserialize,
        )]
        #[serde(crate = "::client_sdk::interface::serde")]
        struct #structure #generics { #(#names: #kinds,)* }
    }
}

/// The type of a method's arguments.
fn arguments_kind(interface: &Interface, method: &Method) -> TokenStream {
    let structure = arguments_name(interface, method);
    let kinds = method.arguments.iter().map(|argument| &argument.kind);
    let generics = (!method.arguments.is_empty()).then(|| quote!(<#(#kinds),*>));
    quote!(#structure #generics)
}

fn arguments_name(interface: &Interface, method: &Method) -> Ident {
    format_ident!("{}_{}_arguments", interface.name, method.name)
}

fn inputs(method: &Method) -> TokenStream {
    let names = method.arguments.iter().map(|argument| &argument.name);
    let kinds = method.arguments.iter().map(|argument| &argument.kind);
    quote!(#(#names: #kinds),*)
}

/// A local variable of code that is made: none of the user's names hides it, and it hides none.
pub(crate) fn local(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

fn calls_name(interface: &Interface) -> Ident {
    format_ident!("{}Calls", interface.name)
}

fn broadcast_name(interface: &Interface) -> Ident {
    format_ident!("{}Broadcast", interface.name)
}

fn is_callback(interface: &Interface) -> bool {
    interface.role == Role::Callback
}
