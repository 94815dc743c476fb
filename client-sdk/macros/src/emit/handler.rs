//! The callee's side: from a call that came to the object's method.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::Ident;

use super::{arguments_kind, arguments_name, local};
use crate::interface::{Answer, Interface, Method};

/// `impl Handler`, and how to make one of an object.
pub(super) fn emit(interface: &Interface) -> TokenStream {
    let Interface { name, role, .. } = interface;
    let arms =
        interface.methods.iter().enumerate().map(|(place, method)| arm(interface, place, method));
    let handler = format_ident!("{name}Handler");
    let kind = kind(interface);
    let (place, made) = match interface.is_serial {
        false => (quote!(#kind), quote!(object)),
        true => {
            let lock = quote!(::client_sdk::interface::Serialized);
            (quote!(#lock<#kind>), quote!(#lock::new(object)))
        }
    };
    let call = local("call");
    quote! {
        struct #handler<#kind>(::std::sync::Arc<#place>);

        impl<#kind: #name> ::client_sdk::interface::Handler for #handler<#kind> {
            fn handle(
                &self,
                #call: ::client_sdk::interface::Incoming<'_>,
            ) -> ::client_sdk::interface::Handled {
                match #call.method() {
                    #(#arms)*
                    _ => #call.unknown(),
                }
            }
        }

        impl<#kind: #name> ::client_sdk::interface::HandledAs<#kind, #role> for dyn #name {
            fn handler(object: #kind) -> ::std::sync::Arc<dyn ::client_sdk::interface::Handler> {
                ::std::sync::Arc::new(#handler(::std::sync::Arc::new(#made)))
            }
        }
    }
}

/// The type parameter that stands for the object's type.
fn kind(interface: &Interface) -> Ident {
    format_ident!("{}Object", interface.name)
}

fn arm(interface: &Interface, place: usize, method: &Method) -> TokenStream {
    let structure = arguments_name(interface, method);
    let arguments = arguments_kind(interface, method);
    let (of, name, kind) = (&interface.name, &method.name, kind(interface));
    let fields: Vec<_> = method.arguments.iter().map(|argument| &argument.name).collect();
    let [call, read, fault, object] = ["call", "read", "fault", "object"].map(local);
    let reads = quote! {
        let #structure { #(#fields),* } = match ::client_sdk::interface::Carried::<#arguments>::read(&#call) {
            ::std::result::Result::Ok(#read) => #read,
            ::std::result::Result::Err(#fault) => return #fault.into(),
        };
    };
    if matches!(method.answer, Answer::None) {
        return quote! {
            #place => {
                #reads
                <#kind as #of>::#name(&self.0, #(#fields),*);
                ::client_sdk::interface::Handled::Done
            }
        };
    }
    let output = method.output();
    let target = match (interface.is_serial, method.takes_mut()) {
        (false, _) => quote!(&*#object),
        (true, false) => quote!(&*#object.lock().await),
        (true, true) => quote!(&mut *#object.lock().await),
    };
    quote! {
        #place => {
            #reads
            let #object = ::std::sync::Arc::clone(&self.0);
            ::client_sdk::interface::Carried::<#output, #arguments>::answer(#call, async move {
                <#kind as #of>::#name(#target, #(#fields),*).await
            })
        }
    }
}
