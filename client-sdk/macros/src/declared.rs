//! Reads a trait, and complains where it can't be an interface.

use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{
    Attribute, FnArg, GenericArgument, Ident, ItemTrait, LitStr, Pat, PathArguments, ReturnType,
    Signature, TraitItem, TraitItemFn, Type,
};

use crate::fingerprint::compact;
use crate::interface::{Answer, Argument, Interface, Method, Role};
use crate::lane::LaneRule;
use crate::time::milliseconds;

/// As many methods as a callback may have at the broker.
const METHODS_MAX: usize = 256;

/// Names that the handles have themselves: a method of that name couldn't be called through them.
const TAKEN: [&str; 9] = [
    "released",
    "on_released",
    "is_released",
    "attach",
    "detach",
    "json",
    "timeout",
    "clone",
    "owner",
];

/// Reads a trait.
pub(crate) fn read(role: Role, item: &ItemTrait) -> syn::Result<Interface> {
    check_trait(item)?;
    let mut methods = Vec::new();
    for one in &item.items {
        match one {
            TraitItem::Fn(method) => methods.push(read_method(role, method)?),
            other => {
                return Err(syn::Error::new_spanned(
                    other,
                    "an interface has methods alone: nothing else can be called from afar",
                ));
            }
        }
    }
    if methods.len() > METHODS_MAX {
        let message = format!("an interface has at most {METHODS_MAX} methods: make it two");
        return Err(syn::Error::new(item.ident.span(), message));
    }
    Ok(Interface {
        role,
        name: item.ident.clone(),
        visibility: item.vis.clone(),
        attributes: item.attrs.clone(),
        is_serial: methods.iter().any(|method| method.takes_mut),
        methods,
    })
}

fn check_trait(item: &ItemTrait) -> syn::Result<()> {
    if let Some(token) = &item.unsafety {
        return Err(syn::Error::new(token.span, "an interface isn't unsafe: remove this word"));
    }
    if !item.generics.params.is_empty() || item.generics.where_clause.is_some() {
        let message = "an interface isn't generic: both ends must mean the same types";
        return Err(syn::Error::new_spanned(&item.generics, message));
    }
    match item.supertraits.is_empty() {
        true => Ok(()),
        false => Err(syn::Error::new_spanned(
            &item.supertraits,
            "an interface stands for itself: write the methods of this trait into it",
        )),
    }
}

fn read_method(role: Role, item: &TraitItemFn) -> syn::Result<Method> {
    let Signature { ident, inputs, output, .. } = &item.sig;
    check_signature(&item.sig)?;
    if TAKEN.contains(&ident.to_string().as_str()) {
        let message = format!("`{ident}` is what the handle itself is asked: choose another name");
        return Err(syn::Error::new(ident.span(), message));
    }
    let mut inputs = inputs.iter();
    let takes_mut = receiver(role, ident, inputs.next())?;
    let arguments = inputs.map(argument).collect::<syn::Result<Vec<_>>>()?;
    let answer = answer(role, &item.sig, output)?;
    let (attributes, lane, timeout) = attributes(role, item, &answer, &arguments)?;
    let body = item.default.clone();
    Ok(Method {
        name: ident.clone(),
        attributes,
        takes_mut,
        signature: signature(ident, &arguments, output),
        arguments,
        answer,
        lane,
        timeout,
        body,
    })
}

fn check_signature(signature: &Signature) -> syn::Result<()> {
    let Signature { constness, unsafety, abi, generics, variadic, .. } = signature;
    let complain = |token: &dyn ToTokens, message: &str| {
        Err(syn::Error::new_spanned(token.to_token_stream(), message))
    };
    if let Some(token) = constness {
        return complain(token, "a call isn't made while compiling: remove `const`");
    }
    if let Some(token) = unsafety {
        return complain(token, "a call from afar can't keep a promise of safety: remove `unsafe`");
    }
    if let Some(token) = abi {
        return complain(token, "the broker carries the call: remove `extern`");
    }
    if let Some(token) = variadic {
        return complain(token, "every argument has a name and a type");
    }
    match generics.params.is_empty() && generics.where_clause.is_none() {
        true => Ok(()),
        false => complain(generics, "a method isn't generic: both ends must mean the same types"),
    }
}

/// Returns whether it is `&mut self`.
fn receiver(role: Role, method: &Ident, first: Option<&FnArg>) -> syn::Result<bool> {
    match first {
        Some(FnArg::Receiver(receiver)) if receiver.reference.is_some() => {
            match (&receiver.mutability, role) {
                (Some(token), Role::Callback) => Err(syn::Error::new(
                    token.span,
                    "a callback is called from several lanes: write `&self`",
                )),
                (mutability, _) => Ok(mutability.is_some()),
            }
        }
        Some(other) => {
            Err(syn::Error::new_spanned(other, "an object is called: the first is `&self`"))
        }
        None => Err(syn::Error::new(method.span(), "an object is called: add `&self`")),
    }
}

fn argument(input: &FnArg) -> syn::Result<Argument> {
    let FnArg::Typed(typed) = input else {
        return Err(syn::Error::new_spanned(input, "`self` comes first"));
    };
    let name = match &*typed.pat {
        Pat::Ident(pattern) if pattern.by_ref.is_none() && pattern.subpat.is_none() => {
            pattern.ident.clone()
        }
        other => {
            let message = "an argument has a plain name: it is what it is called on the wire";
            return Err(syn::Error::new_spanned(other, message));
        }
    };
    check_type(&typed.ty)?;
    Ok(Argument { name, kind: (*typed.ty).clone() })
}

fn check_type(kind: &Type) -> syn::Result<()> {
    let message = match kind {
        Type::Reference(_) => {
            "what travels is owned: write the type without `&` (`String` for `&str`, `Vec<T>` for \
             `&[T]`)"
        }
        Type::ImplTrait(_) => "both ends must mean the same type: name it",
        Type::TraitObject(_) => {
            "an object doesn't travel, a handle to it does: write `Callback<dyn …>`"
        }
        _ => return Ok(()),
    };
    Err(syn::Error::new_spanned(kind, message))
}

fn answer(role: Role, signature: &Signature, output: &ReturnType) -> syn::Result<Answer> {
    let kind = match output {
        ReturnType::Default => None,
        ReturnType::Type(_, kind) => Some(&**kind),
    };
    if signature.asyncness.is_none() {
        return match (role, kind) {
            (Role::Service, _) => Err(syn::Error::new(
                signature.fn_token.span(),
                "a service answers its calls: write `async fn`",
            )),
            (Role::Callback, Some(kind)) => Err(syn::Error::new_spanned(
                kind,
                "a call with an answer waits for it: write `async fn`; without an answer, return \
                 nothing",
            )),
            (Role::Callback, None) => Ok(Answer::None),
        };
    }
    let Some(kind) = kind else { return Ok(Answer::Value(Box::new(syn::parse_quote!(())))) };
    check_type(kind)?;
    fallible(kind)
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
    let PathArguments::AngleBracketed(arguments) = &last.arguments else {
        return Ok(Answer::Value(Box::new(kind.clone())));
    };
    let types: Vec<&Type> = arguments
        .args
        .iter()
        .filter_map(|one| match one {
            GenericArgument::Type(kind) => Some(kind),
            _ => None,
        })
        .collect();
    match types[..] {
        [value, error] => Ok(Answer::Fallible(Box::new(value.clone()), Box::new(error.clone()))),
        _ => {
            let message =
                "both ends must see the error's type: write `Result<Value, Error>` in full";
            Err(syn::Error::new_spanned(kind, message))
        }
    }
}

type Attributes = (Vec<Attribute>, LaneRule, Option<u64>);

/// Reads those that mean the interface, and leaves the others.
fn attributes(
    role: Role,
    item: &TraitItemFn,
    answer: &Answer,
    arguments: &[Argument],
) -> syn::Result<Attributes> {
    let (mut others, mut lane, mut timeout) = (Vec::new(), LaneRule::default(), None);
    for attribute in &item.attrs {
        if attribute.path().is_ident("cfg") || attribute.path().is_ident("cfg_attr") {
            let message = "an interface has the same methods for everybody: remove the condition";
            return Err(syn::Error::new_spanned(attribute, message));
        }
        if attribute.path().is_ident("timeout") {
            if matches!(answer, Answer::None) {
                let message = "nobody waits for this call: `timeout` is for an `async fn`";
                return Err(syn::Error::new_spanned(attribute, message));
            }
            timeout = Some(milliseconds(&attribute.parse_args::<LitStr>()?)?);
        } else if lane.read(attribute)? {
            check_lane(role, attribute, answer, &lane)?;
        } else {
            others.push(attribute.clone());
        }
    }
    if let Some(key) = &lane.key
        && !arguments.iter().any(|argument| argument.name == *key)
    {
        let message = format!("`{key}` is no argument of `{}`", item.sig.ident);
        return Err(syn::Error::new(key.span(), message));
    }
    Ok((others, lane, timeout))
}

fn check_lane(
    role: Role,
    attribute: &Attribute,
    answer: &Answer,
    lane: &LaneRule,
) -> syn::Result<()> {
    let message = match (role, answer) {
        (Role::Service, _) => {
            "this says how calls wait for a slow client: it belongs to a callback's method"
        }
        (_, Answer::Value(_) | Answer::Fallible(..))
            if lane.latest.is_some() || lane.unreliable =>
        {
            "somebody waits for each answer: such a call is never left out"
        }
        _ => return Ok(()),
    };
    Err(syn::Error::new_spanned(attribute, message))
}

/// The method without what makes no difference on the wire.
fn signature(name: &Ident, arguments: &[Argument], output: &ReturnType) -> String {
    let arguments: Vec<String> = arguments
        .iter()
        .map(|one| format!("{}: {}", one.name, compact(&one.kind.to_token_stream().to_string())))
        .collect();
    let output = match output {
        ReturnType::Default => String::new(),
        ReturnType::Type(_, kind) => {
            format!(" -> {}", compact(&kind.to_token_stream().to_string()))
        }
    };
    format!("{name}({}){output}", arguments.join(", "))
}
