//! What both ends know of an interface: names, numbers, lanes.

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote};
use syn::ext::IdentExt as _;

use super::{broadcast_name, calls_name, is_callback};
use crate::fingerprint::fingerprint;
use crate::interface::{Answer, Interface, Method};
use crate::lane::LaneRule;

/// `impl Interface for dyn Trait`, for any lifetime: where a handle is held over an await, the compiler
/// forgets that it is `'static`.
pub(super) fn emit(interface: &Interface) -> TokenStream {
    let name = &interface.name;
    let calls = calls_name(interface);
    let text = name.unraw().to_string();
    let methods = interface.methods.iter().map(|method| described(&text, method));
    let kind = match is_callback(interface) {
        true => {
            let broadcast = broadcast_name(interface);
            quote! {
                impl ::client_sdk::interface::CallbackInterface for dyn #name + '_ {
                    type Broadcast = #broadcast;
                }
            }
        }
        false => quote! { impl ::client_sdk::interface::ServiceInterface for dyn #name + '_ {} },
    };
    quote! {
        impl ::client_sdk::interface::Interface for dyn #name + '_ {
            type Calls = #calls;
            const DESCRIPTION: &'static ::client_sdk::interface::Description =
                &::client_sdk::interface::Description {
                    name: #text,
                    methods: &[#(#methods),*],
                };
        }
        #kind
    }
}

fn described(interface: &str, method: &Method) -> TokenStream {
    let name = method.name.unraw().to_string();
    let signature = &method.signature;
    let number = fingerprint(&format!("{interface}.{signature}"));
    let answers = !matches!(method.answer, Answer::None);
    let timeout = option(method.timeout);
    let expires_in = option(method.expires_in);
    let lane = lane(&method.lane);
    quote! {
        ::client_sdk::interface::Method {
            name: #name,
            signature: #signature,
            fingerprint: #number,
            answers: #answers,
            timeout: #timeout,
            expires_in: #expires_in,
            lane: #lane,
        }
    }
}

/// What is said of it; the rest is the broker's.
fn lane(rule: &LaneRule) -> TokenStream {
    let said: Vec<TokenStream> = [
        field("latest", rule.latest),
        field("drops_oldest", rule.drops_oldest),
        field("priority", rule.priority),
        field("min_interval", rule.min_interval),
        field("bound_messages", rule.bound_messages),
        field("bound_bytes", rule.bound_bytes),
        rule.unreliable.then(|| quote!(unreliable: true)),
    ]
    .into_iter()
    .flatten()
    .collect();
    match said.is_empty() {
        true => quote!(::client_sdk::interface::LaneRule::UNSAID),
        false => quote! {
            ::client_sdk::interface::LaneRule {
                #(#said,)*
                ..::client_sdk::interface::LaneRule::UNSAID
            }
        },
    }
}

fn field<T: ToTokens>(name: &str, value: Option<T>) -> Option<TokenStream> {
    let name = format_ident!("{name}");
    value.map(|value| quote!(#name: ::std::option::Option::Some(#value)))
}

fn option<T: ToTokens>(value: Option<T>) -> TokenStream {
    match value {
        Some(value) => quote!(::std::option::Option::Some(#value)),
        None => quote!(::std::option::Option::None),
    }
}
