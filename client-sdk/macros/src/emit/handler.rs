//! The callee's side: from a call that came to the object's method.

use proc_macro2::TokenStream;
use quote::quote;

use super::arguments_name;
use crate::interface::{Answer, Interface, Method};

/// `impl Handler`, and how to make one of an object.
pub(super) fn emit(interface: &Interface) -> TokenStream {
    let Interface { name, visibility, .. } = interface;
    let arms =
        interface.methods.iter().enumerate().map(|(place, method)| arm(interface, place, method));
    let (place, made) = match interface.is_serial {
        false => (quote!(T), quote!(object)),
        true => {
            let lock = quote!(::client_sdk::interface::Serialized);
            (quote!(#lock<T>), quote!(#lock::new(object)))
        }
    };
    quote! {
        struct Handler<T>(::std::sync::Arc<#place>);

        impl<T: #name> ::client_sdk::interface::Handler for Handler<T> {
            fn handle(
                &self,
                call: ::client_sdk::interface::Incoming,
            ) -> ::client_sdk::interface::Handled {
                match call.method() {
                    #(#arms)*
                    _ => call.unknown(),
                }
            }
        }

        impl dyn #name {
            #[doc(hidden)]
            #visibility fn __handler<T: #name>(
                object: T,
            ) -> ::std::sync::Arc<dyn ::client_sdk::interface::Handler> {
                ::std::sync::Arc::new(Handler(::std::sync::Arc::new(#made)))
            }
        }
    }
}

fn arm(interface: &Interface, place: usize, method: &Method) -> TokenStream {
    let structure = arguments_name(interface, method);
    let of = &interface.name;
    let name = &method.name;
    let fields: Vec<_> = method.arguments.iter().map(|argument| &argument.name).collect();
    let reads = quote! {
        let #structure { #(#fields),* } = match call.arguments() {
            ::std::result::Result::Ok(arguments) => arguments,
            ::std::result::Result::Err(fault) => return fault.into(),
        };
    };
    if matches!(method.answer, Answer::None) {
        return quote! {
            #place => {
                #reads
                <T as #of>::#name(&self.0, #(#fields),*);
                ::client_sdk::interface::Handled::Done
            }
        };
    }
    let object = match (interface.is_serial, method.takes_mut) {
        (false, _) => quote!(&*object),
        (true, false) => quote!(&*object.lock().await),
        (true, true) => quote!(&mut *object.lock().await),
    };
    quote! {
        #place => {
            #reads
            let object = ::std::sync::Arc::clone(&self.0);
            call.later(async move { <T as #of>::#name(#object, #(#fields),*).await })
        }
    }
}
