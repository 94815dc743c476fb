//! What both ends know of an interface: names, numbers, lanes.

use proc_macro2::TokenStream;
use quote::quote;

use super::{broadcast_name, calls_name, is_callback};
use crate::fingerprint::fingerprint;
use crate::interface::{Answer, Interface, Method};
use crate::lane::LaneRule;

/// `impl Interface for dyn Trait`, for any lifetime: where a handle is held over an await, the compiler
/// forgets that it is `'static`.
pub(super) fn emit(interface: &Interface) -> TokenStream {
    let name = &interface.name;
    let calls = calls_name(interface);
    let text = name.to_string();
    let methods = interface.methods.iter().map(|method| described(&text, method));
    let kind = match is_callback(interface) {
        true => {
            let broadcast = broadcast_name(interface);
            quote! {
                impl<'a> ::client_sdk::interface::CallbackInterface for dyn #name + 'a {
                    type Broadcast = #broadcast;
                }
            }
        }
        false => {
            quote! { impl<'a> ::client_sdk::interface::ServiceInterface for dyn #name + 'a {} }
        }
    };
    quote! {
        impl<'a> ::client_sdk::interface::Interface for dyn #name + 'a {
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
    let name = method.name.to_string();
    let signature = &method.signature;
    let number = fingerprint(&format!("{interface}.{signature}"));
    let answers = !matches!(method.answer, Answer::None);
    let timeout = option(method.timeout);
    let lane = lane(&method.lane);
    quote! {
        ::client_sdk::interface::Method {
            name: #name,
            signature: #signature,
            fingerprint: #number,
            answers: #answers,
            timeout: #timeout,
            lane: #lane,
        }
    }
}

fn lane(rule: &LaneRule) -> TokenStream {
    let latest = option(rule.latest);
    let drops_oldest = option(rule.drops_oldest);
    let priority = option(rule.priority);
    let min_interval = option(rule.min_interval);
    let bound_messages = option(rule.bound_messages);
    let bound_bytes = option(rule.bound_bytes);
    let unreliable = rule.unreliable;
    quote! {
        ::client_sdk::interface::LaneRule {
            latest: #latest,
            drops_oldest: #drops_oldest,
            priority: #priority,
            min_interval: #min_interval,
            bound_messages: #bound_messages,
            bound_bytes: #bound_bytes,
            unreliable: #unreliable,
        }
    }
}

fn option<T: quote::ToTokens>(value: Option<T>) -> TokenStream {
    match value {
        Some(value) => quote!(::std::option::Option::Some(#value)),
        None => quote!(::std::option::Option::None),
    }
}
