//! The trait itself.

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens as _, quote, quote_spanned};
use syn::{Block, FnArg, Ident, ReturnType, Signature, TraitItemFn};

use super::{inputs, local};
use crate::interface::{Answer, Interface, Method};
use crate::unasked::lacks_async;

/// As it was written, but that futures may be awaited on any thread, and objects live as long as they
/// are needed.
pub(super) fn emit(interface: &Interface) -> TokenStream {
    let Interface { name, visibility, attributes, .. } = interface;
    let methods = interface.methods.iter().map(declared);
    let refused = interface.refused.iter().filter_map(|one| refused(interface, one));
    let shared = (!interface.is_serial).then(|| quote!(+ ::std::marker::Sync));
    quote! {
        #(#attributes)*
        #visibility trait #name: ::std::marker::Send #shared + 'static {
            #(#methods)*
            #(#refused)*
        }
    }
}

fn declared(method: &Method) -> TokenStream {
    let Method { name, attributes, body, .. } = method;
    let receiver = &method.receiver;
    let inputs = inputs(method);
    let lints = body
        .as_ref()
        .map(|_| quote!(#[allow(unused_variables, clippy::manual_async_fn, clippy::unused_async)]));
    // What the compiler says of the method, it says at its name.
    let span = name.span();
    if matches!(method.answer, Answer::None) {
        let body = body.as_ref().map_or_else(|| quote_spanned!(span=> ;), |body| quote!(#body));
        let declared = quote_spanned!(span=> fn #name(#receiver, #inputs) #body);
        return quote! { #(#attributes)* #lints #declared };
    }
    let output = method.output();
    let future = future(name, &output);
    let body = match body {
        Some(body) => answering(body, &output),
        None => quote_spanned!(span=> ;),
    };
    let declared = quote_spanned! {span=>
        fn #name(#receiver, #inputs) -> #future
        where
            Self: ::std::marker::Sized
        #body
    };
    quote! { #(#attributes)* #lints #declared }
}

/// A body that answers later. What is never returned at its beginning tells the compiler of which type it
/// is, so that it complains where a value of another one stands.
fn answering(body: &Block, output: &TokenStream) -> TokenStream {
    let (statements, answer) = (&body.stmts, local("answer"));
    quote! {
        {
            async move {
                if let ::std::option::Option::Some(#answer) = ::std::option::Option::None::<#output> {
                    return #answer;
                }
                #(#statements)*
            }
        }
    }
}

fn future(method: &Ident, output: &TokenStream) -> TokenStream {
    quote_spanned! {method.span()=>
        impl ::std::future::Future<Output = #output> + ::std::marker::Send
    }
}

/// What can't be called from afar, as a method that nobody calls.
fn refused(interface: &Interface, method: &TraitItemFn) -> Option<TokenStream> {
    let mut signature = method.sig.clone();
    if names_no_type(&signature) {
        return None;
    }
    (signature.constness, signature.unsafety) = (None, None);
    (signature.abi, signature.variadic) = (None, None);
    for input in &mut signature.inputs {
        match input {
            FnArg::Typed(typed) => {
                typed.attrs.clear();
                *typed.pat = syn::parse_quote!(_);
            }
            FnArg::Receiver(receiver) if receiver.reference.is_none() => receiver.mutability = None,
            FnArg::Receiver(_) => {}
        }
    }
    if signature.asyncness.take().is_some() || lacks_async(interface.role, &signature) {
        let output = match &signature.output {
            ReturnType::Default => quote!(()),
            ReturnType::Type(_, kind) => quote!(#kind),
        };
        // Of types that aren't known nobody knows whether their futures may be awaited on any thread.
        let future = match signature.generics.params.is_empty() {
            true => future(&method.sig.ident, &output),
            false => quote!(impl ::std::future::Future<Output = #output>),
        };
        signature.output = syn::parse_quote!(-> #future);
    }
    let condition = signature.generics.make_where_clause();
    condition.predicates.push(syn::parse_quote!(Self: ::std::marker::Sized));
    Some(quote! { #[allow(missing_docs)] #signature; })
}

/// Whether it has types of which the compiler would say more: `_`, and what isn't there (`Self::Item`).
fn names_no_type(signature: &Signature) -> bool {
    let inputs = signature.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(typed) => Some(&*typed.ty),
        FnArg::Receiver(_) => None,
    });
    let output = match &signature.output {
        ReturnType::Type(_, kind) => Some(&**kind),
        ReturnType::Default => None,
    };
    inputs.chain(output).any(|kind| names_none(kind.to_token_stream()))
}

fn names_none(tokens: TokenStream) -> bool {
    let mut tokens = tokens.into_iter().peekable();
    let mut is_lifetime = false;
    while let Some(token) = tokens.next() {
        let is_path =
            matches!(tokens.peek(), Some(TokenTree::Punct(mark)) if mark.as_char() == ':');
        let is_none = match &token {
            TokenTree::Group(group) => names_none(group.stream()),
            TokenTree::Ident(word) => !is_lifetime && (word == "_" || (word == "Self" && is_path)),
            TokenTree::Punct(_) | TokenTree::Literal(_) => false,
        };
        if is_none {
            return true;
        }
        is_lifetime = matches!(&token, TokenTree::Punct(mark) if mark.as_char() == '\'');
    }
    false
}
