//! The caller's side: a structure with a method for each of the trait's.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Ident;

use super::{
    arguments_kind, arguments_name, broadcast_name, calls_name, inputs, is_callback, local,
};
use crate::interface::{Answer, Interface, Method};

/// The structures behind a handle and, for callbacks, behind a set.
pub(super) fn declared(interface: &Interface) -> TokenStream {
    let Interface { name, visibility, conditions, .. } = interface;
    let calls = calls_name(interface);
    let docs = format!(
        " What can be called of a [`{name}`] elsewhere: a handle to one dereferences to this."
    );
    let broadcast = is_callback(interface).then(|| {
        let broadcast = broadcast_name(interface);
        let docs = format!(
            " What can be called of many [`{name}`]s at once: a `CallbackSet` dereferences to this."
        );
        quote! {
            #(#conditions)*
            #[doc = #docs]
            #[derive(Debug)]
            #visibility struct #broadcast(::client_sdk::interface::Remote);
        }
    });
    quote! {
        #(#conditions)*
        #[doc = #docs]
        #[derive(Debug)]
        #visibility struct #calls(::client_sdk::interface::Remote);
        #broadcast
    }
}

/// What can be called through them.
pub(super) fn emit(interface: &Interface) -> TokenStream {
    let all = interface.methods.iter().enumerate();
    let of_one = all.clone().map(|(place, method)| caller(interface, place, method));
    let calls = implemented(&calls_name(interface), of_one);
    let broadcast = is_callback(interface).then(|| {
        let of_many = all.map(|(place, method)| match method.answer {
            Answer::None => caller(interface, place, method),
            _ => asked_of_none(interface, method),
        });
        implemented(&broadcast_name(interface), of_many)
    });
    quote!(#calls #broadcast)
}

fn implemented(name: &Ident, methods: impl Iterator<Item = TokenStream>) -> TokenStream {
    quote! {
        impl ::client_sdk::interface::Calls for #name {
            fn new(remote: ::client_sdk::interface::Remote) -> Self {
                Self(remote)
            }
            fn remote(&self) -> &::client_sdk::interface::Remote {
                &self.0
            }
        }

        impl #name {
            #(#methods)*
        }
    }
}

/// A method that many can't be asked, so that the compiler says so where it is tried.
fn asked_of_none(interface: &Interface, method: &Method) -> TokenStream {
    let (visibility, name, inputs) = (&interface.visibility, &method.name, inputs(method));
    let output = method.output();
    quote! {
        #[doc(hidden)]
        #[allow(unused_variables)]
        #visibility fn #name(
            &self,
            #inputs
        ) -> ::client_sdk::interface::Eventually<'static, #output>
        where
            // Of what depends on a lifetime the compiler complains when it is called, and not before.
            for<'many> &'many Self: ::client_sdk::interface::Asked,
        {
            ::std::unreachable!()
        }
    }
}

/// A method of the caller's side.
fn caller(interface: &Interface, place: usize, method: &Method) -> TokenStream {
    let visibility = &interface.visibility;
    let Method { name, .. } = method;
    let docs = method.told_to_callers();
    let inputs = inputs(method);
    let of = &interface.name;
    let names = method.arguments.iter().map(|argument| &argument.name);
    let described = quote! {
        &<dyn #of as ::client_sdk::interface::Interface>::DESCRIPTION.methods[#place]
    };
    let structure = arguments_name(interface, method);
    let arguments = quote!(#structure { #(#names),* });
    let kind = arguments_kind(interface, method);
    let [all, written, answer] = ["all", "written", "answer"].map(local);
    let asked = |returned: TokenStream, output: &TokenStream, last: TokenStream| {
        quote! {
            #(#docs)*
            #visibility async fn #name(&self, #inputs) -> ::std::result::Result<#returned> {
                let #all = #arguments;
                let #written = ::client_sdk::interface::Carried::<#kind>::write(
                    &self.0,
                    #described,
                    &#all,
                );
                let #answer = ::client_sdk::interface::Carried::<#output>::ask(
                    &self.0,
                    #described,
                    #written,
                );
                #last
            }
        }
    };
    let output = method.output();
    match &method.answer {
        Answer::Value(value) => asked(
            quote!(#value, ::client_sdk::interface::CallError),
            &output,
            quote!(#answer.await),
        ),
        Answer::Fallible(value, error) => asked(
            quote!(#value, ::client_sdk::interface::CallError<#error>),
            &output,
            quote!(::client_sdk::interface::fallible(#answer.await)),
        ),
        Answer::None => {
            let key = match &method.lane.key {
                Some(key) => {
                    let text = quote_spanned! {key.span()=>
                        ::client_sdk::interface::key(&#key)
                    };
                    quote!(::std::option::Option::Some(#text))
                }
                None => quote!(::std::option::Option::None),
            };
            let docs = method.told_to_callers();
            let local = local("key");
            quote! {
                #(#docs)*
                #visibility fn #name(&self, #inputs) -> ::client_sdk::interface::Told {
                    let #local = #key;
                    ::client_sdk::interface::Carried::<#kind>::tell(
                        &self.0,
                        #described,
                        #local,
                        #arguments,
                    )
                }
            }
        }
    }
}
