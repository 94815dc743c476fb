//! Reads a method of a trait, and complains where it can't be called from afar.

use quote::ToTokens;
use syn::ext::IdentExt as _;
use syn::{
    Attribute, FnArg, GenericArgument, Ident, Pat, PathArguments, Receiver, ReturnType, Signature,
    TraitItemFn, Type,
};

use crate::complaints::Complaints;
use crate::fingerprint::compact;
use crate::interface::{Answer, Argument, Method, Role};
use crate::options::{self, Options};
use crate::{boxed, taken, travelling, unasked};

/// Reads a method.
pub(crate) fn read(role: Role, item: &TraitItemFn) -> syn::Result<Method> {
    let Signature { ident, inputs, output, generics, .. } = &item.sig;
    boxed::check(generics)?;
    check_called(&item.sig)?;
    let mut complaints = Complaints::default();
    complaints.unless(check_words(&item.sig));
    complaints.unless(taken::check(role, ident));
    let mut inputs = inputs.iter();
    let receiver = complaints.unless(receiver(role, ident, inputs.next()));
    let arguments: Vec<_> = inputs.filter_map(|input| complaints.unless(argument(input))).collect();
    complaints.unless(check_names(&arguments));
    let answer = complaints.unless(answer(role, &item.sig));
    let is_asked = item.sig.asyncness.is_some() || role == Role::Service;
    let options = complaints.unless(options::read(role, item, is_asked));
    complaints.into_result()?;
    let (Some(receiver), Some(answer), Some(options)) = (receiver, answer, options) else {
        unreachable!("what isn't there is complained about");
    };
    let Options { others, lane, timeout, expires_in } = options;
    Ok(Method {
        name: ident.clone(),
        attributes: others,
        receiver,
        signature: signature(ident, &arguments, output),
        arguments,
        answer,
        lane,
        timeout,
        expires_in,
        body: item.default.clone(),
    })
}

/// Complains about what makes an object: `fn new() -> Self`.
fn check_called(signature: &Signature) -> syn::Result<()> {
    let makes = match &signature.output {
        ReturnType::Type(_, kind) => {
            matches!(&**kind, Type::Path(path) if path.path.is_ident("Self"))
        }
        ReturnType::Default => false,
    };
    match makes && signature.receiver().is_none() {
        true => Err(syn::Error::new(
            signature.ident.span(),
            "who serves or offers an object makes it: write this into an `impl` of its own type",
        )),
        false => Ok(()),
    }
}

fn check_words(signature: &Signature) -> syn::Result<()> {
    let Signature { constness, unsafety, abi, generics, variadic, .. } = signature;
    let mut complaints = Complaints::default();
    let mut complain = |token: &dyn ToTokens, message: &str| {
        complaints.add(syn::Error::new_spanned(token.to_token_stream(), message));
    };
    if let Some(token) = constness {
        complain(token, "a call isn't made while compiling: remove `const`");
    }
    if let Some(token) = unsafety {
        complain(token, "a call from afar can't keep a promise of safety: remove `unsafe`");
    }
    if let Some(token) = abi {
        complain(token, "the broker carries the call: remove `extern`");
    }
    if let Some(token) = variadic {
        complain(token, "every argument has a name and a type");
    }
    let message = "a method isn't generic: both ends must mean the same types; write them out";
    complaints.unless(travelling::check_generics(generics, message));
    complaints.into_result()
}

/// `&self` or `&mut self`.
fn receiver(role: Role, method: &Ident, first: Option<&FnArg>) -> syn::Result<Receiver> {
    let Some(first) = first else {
        let message = format!("an object is called: write `fn {method}(&self)`");
        return Err(syn::Error::new(method.span(), message));
    };
    let FnArg::Receiver(receiver) = first else {
        let message = "an object is called: write `&self` before the arguments";
        return Err(syn::Error::new_spanned(first, message));
    };
    match (&receiver.reference, &receiver.mutability, role) {
        (Some((_, None)), Some(token), Role::Callback) => Err(syn::Error::new(
            token.span,
            "a callback is called from several lanes at once: write `&self`, and keep what changes \
             in a `Mutex` or an atomic",
        )),
        (Some((_, None)), ..) => Ok(Receiver { attrs: Vec::new(), ..receiver.clone() }),
        _ => Err(syn::Error::new_spanned(first, "an object is called by reference: write `&self`")),
    }
}

fn argument(input: &FnArg) -> syn::Result<Argument> {
    let FnArg::Typed(typed) = input else {
        return Err(syn::Error::new_spanned(input, "`self` comes first"));
    };
    let mut complaints = Complaints::default();
    if let Some(attribute) = typed.attrs.first() {
        let message = "an argument has no attributes: every call has all of them, as they are";
        complaints.add(syn::Error::new_spanned(attribute, message));
    }
    complaints.unless(travelling::check(&typed.ty));
    let name = complaints.unless(plain_name(&typed.pat));
    complaints.into_result()?;
    let name = name.unwrap_or_else(|| unreachable!("what has no name is complained about"));
    Ok(Argument { name, kind: (*typed.ty).clone() })
}

fn check_names(arguments: &[Argument]) -> syn::Result<()> {
    let mut complaints = Complaints::default();
    for (place, Argument { name, .. }) in arguments.iter().enumerate() {
        if arguments[..place].iter().any(|before| before.name == *name) {
            let message = format!("there is an argument `{name}` already: choose another name");
            complaints.add(syn::Error::new(name.span(), message));
        }
    }
    complaints.into_result()
}

fn plain_name(pattern: &Pat) -> syn::Result<Ident> {
    let message = match pattern {
        Pat::Ident(name) if name.by_ref.is_some() || name.subpat.is_some() => {
            "an argument has a plain name: write the name alone"
        }
        Pat::Ident(name) if name.mutability.is_some() => {
            "an argument has a plain name: remove `mut`, and write `let mut …` into the body"
        }
        Pat::Ident(name) => return Ok(name.ident.clone()),
        _ => {
            "an argument has a plain name, by which it goes on the wire: write `name: Type`, and \
             take it apart in the `impl`"
        }
    };
    Err(syn::Error::new_spanned(pattern, message))
}

fn answer(role: Role, signature: &Signature) -> syn::Result<Answer> {
    let kind = match &signature.output {
        ReturnType::Default => None,
        ReturnType::Type(_, kind) => Some(&**kind),
    };
    if signature.asyncness.is_some() {
        let Some(kind) = kind else {
            let span = signature.ident.span();
            return Ok(Answer::Value(Box::new(syn::parse_quote_spanned!(span=> ()))));
        };
        return travelling::check(kind).and_then(|()| fallible(kind));
    }
    match (role, kind) {
        (Role::Callback, None) => Ok(Answer::None),
        _ => Err(unasked::complaint(role, signature)),
    }
}

/// Sees whether a type is a `Result`, and of what.
fn fallible(kind: &Type) -> syn::Result<Answer> {
    let last = match kind {
        Type::Path(path) => path.path.segments.last(),
        _ => None,
    };
    let Some(last) = last.filter(|last| last.ident == "Result") else {
        return Ok(Answer::Value(Box::new(kind.clone())));
    };
    let types: Vec<&Type> = match &last.arguments {
        PathArguments::AngleBracketed(arguments) => {
            arguments.args.iter().filter_map(as_type).collect()
        }
        _ => Vec::new(),
    };
    match types[..] {
        [value, error] => Ok(Answer::Fallible(Box::new(value.clone()), Box::new(error.clone()))),
        _ => {
            let message =
                "both ends must see the error's type: write `Result<Value, Error>` in full";
            Err(syn::Error::new_spanned(kind, message))
        }
    }
}

fn as_type(argument: &GenericArgument) -> Option<&Type> {
    match argument {
        GenericArgument::Type(kind) => Some(kind),
        _ => None,
    }
}

/// The method without what makes no difference on the wire.
fn signature(name: &Ident, arguments: &[Argument], output: &ReturnType) -> String {
    let text = |kind: &Type| compact(&kind.to_token_stream().to_string());
    let arguments: Vec<String> =
        arguments.iter().map(|one| format!("{}: {}", one.name.unraw(), text(&one.kind))).collect();
    let output = match output {
        ReturnType::Default => String::new(),
        ReturnType::Type(_, kind) => format!(" -> {}", text(kind)),
    };
    format!("{}({}){output}", name.unraw(), arguments.join(", "))
}

/// Whether an attribute makes what it stands above conditional.
pub(crate) fn is_condition(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg") || attribute.path().is_ident("cfg_attr")
}
