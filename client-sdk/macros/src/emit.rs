//! Writes what is made of an interface: the trait itself, what describes it, the caller's side and
//! the callee's.

mod calls;
mod description;
mod handler;

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::Ident;

use crate::interface::{Answer, Interface, Method, Role};

/// All of it, in the order in which it is read.
pub(crate) fn emit(interface: &Interface) -> TokenStream {
    let declared = declared(interface);
    let arguments = interface.methods.iter().map(|method| arguments(interface, method));
    let handles = calls::declared(interface);
    let calls = calls::emit(interface);
    let described = description::emit(interface);
    let handler = handler::emit(interface);
    quote! {
        #declared
        #handles
        #[doc(hidden)]
        #[allow(non_camel_case_types)]
        const _: () = {
            #(#arguments)*
            #calls
            #described
            #handler
        };
    }
}

/// The trait: as it was written, but that futures may be awaited on any thread, and objects live as
/// long as they are needed.
fn declared(interface: &Interface) -> TokenStream {
    let Interface { name, visibility, attributes, .. } = interface;
    let methods = interface.methods.iter().map(declared_method);
    let shared = (!interface.is_serial).then(|| quote!(+ ::std::marker::Sync));
    quote! {
        #(#attributes)*
        #visibility trait #name: ::std::marker::Send #shared + 'static {
            #(#methods)*
        }
    }
}

fn declared_method(method: &Method) -> TokenStream {
    let Method { name, attributes, body, .. } = method;
    let receiver = if method.takes_mut { quote!(&mut self) } else { quote!(&self) };
    let inputs = inputs(method);
    let output = method.output();
    match (&method.answer, body) {
        (Answer::None, None) => quote! { #(#attributes)* fn #name(#receiver, #inputs); },
        (Answer::None, Some(body)) => {
            quote! {
                #(#attributes)*
                #[allow(unused_variables)]
                fn #name(#receiver, #inputs) #body
            }
        }
        (_, body) => {
            let body = match body {
                Some(body) => quote!({ async move #body }),
                None => quote!(;),
            };
            quote! {
                #(#attributes)*
                #[allow(unused_variables)]
                fn #name(
                    #receiver, #inputs
                ) -> impl ::std::future::Future<Output = #output> + ::std::marker::Send
                where
                    Self: ::std::marker::Sized
                #body
            }
        }
    }
}

/// What travels: one structure for both ends.
fn arguments(interface: &Interface, method: &Method) -> TokenStream {
    let structure = arguments_name(interface, method);
    let names = method.arguments.iter().map(|argument| &argument.name);
    let kinds = method.arguments.iter().map(|argument| &argument.kind);
    quote! {
        #[derive(
            ::client_sdk::interface::serde::Serialize,
            ::client_sdk::interface::serde::Deserialize,
        )]
        #[serde(crate = "::client_sdk::interface::serde")]
        struct #structure { #(#names: #kinds,)* }
    }
}

fn arguments_name(interface: &Interface, method: &Method) -> Ident {
    format_ident!("{}_{}_arguments", interface.name, method.name)
}

fn inputs(method: &Method) -> TokenStream {
    let names = method.arguments.iter().map(|argument| &argument.name);
    let kinds = method.arguments.iter().map(|argument| &argument.kind);
    quote!(#(#names: #kinds),*)
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
