//! Reads a trait, and complains where it can't be an interface.

use quote::ToTokens;
use syn::parse::{ParseStream, Parser as _};
use syn::spanned::Spanned;
use syn::{Attribute, Ident, ItemTrait, TraitItem, TraitItemFn, Visibility};

use crate::complaints::Complaints;
use crate::conditions::conditions;
use crate::interface::{Interface, Method, Role};
use crate::{boxed, method, options, travelling};

/// As many methods as a callback may have at the broker.
const METHODS_MAX: usize = 256;

/// Reads a trait. `None` if nothing can be made of it; what is made of one with complaints serves to
/// keep the compiler from complaining again wherever the trait is used.
pub(crate) fn read(role: Role, item: &ItemTrait) -> (Option<Interface>, Complaints) {
    let mut complaints = Complaints::default();
    complaints.unless(check_words(item));
    let attributes = attributes(role, item, &mut complaints);
    let is_plain = complaints.unless(check_generics(item)).is_some();
    let (mut methods, mut refused) = (Vec::new(), Vec::new());
    for one in functions(item, &mut complaints) {
        match method::read(role, &one) {
            Ok(method) => methods.push(method),
            Err(error) => {
                complaints.add(error);
                refused.push(one);
            }
        }
    }
    if let Some(one) = methods.get(METHODS_MAX) {
        let message = format!("an interface has at most {METHODS_MAX} methods: make it two");
        complaints.add(syn::Error::new(one.name.span(), message));
    }
    let interface = is_plain.then(|| Interface {
        role,
        name: item.ident.clone(),
        visibility: item.vis.clone(),
        conditions: conditions(&attributes),
        attributes,
        is_serial: methods.iter().any(Method::takes_mut),
        methods,
        refused,
    });
    (interface, complaints)
}

/// What stands above the trait, and complaints about what belongs elsewhere.
fn attributes(role: Role, item: &ItemTrait, complaints: &mut Complaints) -> Vec<Attribute> {
    let mut attributes = item.attrs.clone();
    complaints.unless(boxed::remove(&mut attributes));
    attributes.retain(|one| {
        let message = if options::is_meant(one) {
            "this is said of a method: write it above each of which it is true".to_owned()
        } else if is_another(one) {
            format!("a trait is one kind of interface, `{role}` is said already: remove this")
        } else {
            return true;
        };
        complaints.add(syn::Error::new_spanned(one, message));
        false
    });
    attributes
}

/// Whether it is one of the attributes that make an interface.
fn is_another(attribute: &Attribute) -> bool {
    let segments = &attribute.path().segments;
    let kinds = ["callback", "service"];
    let is_kind = segments.last().is_some_and(|last| kinds.iter().any(|kind| last.ident == kind));
    is_kind && (segments.len() == 1 || segments[0].ident == "client_sdk")
}

/// The methods, and complaints about all else.
fn functions(item: &ItemTrait, complaints: &mut Complaints) -> Vec<TraitItemFn> {
    let mut functions: Vec<TraitItemFn> = Vec::new();
    for one in &item.items {
        let function = match one {
            TraitItem::Fn(function) => function.clone(),
            other => match visible.parse2(other.to_token_stream()) {
                Ok((visibility, function)) => {
                    let message = "a method is as visible as its trait: remove this";
                    complaints.add(syn::Error::new_spanned(visibility, message));
                    function
                }
                Err(_) => {
                    complaints.add(no_method(other));
                    continue;
                }
            },
        };
        let name = &function.sig.ident;
        match functions.iter().any(|before| before.sig.ident == *name) {
            false => functions.push(function),
            true => complaints.add(named_twice(name)),
        }
    }
    functions
}

/// Reads a method with `pub` before it.
fn visible(input: ParseStream<'_>) -> syn::Result<(Visibility, TraitItemFn)> {
    let above = input.call(Attribute::parse_outer)?;
    let visibility = input.parse()?;
    let mut function: TraitItemFn = input.parse()?;
    function.attrs.splice(..0, above);
    Ok((visibility, function))
}

fn no_method(item: &TraitItem) -> syn::Error {
    let message = match item {
        TraitItem::Type(_) => {
            "an interface has methods alone, both ends mean the same types: write the type itself \
             where it is used"
        }
        TraitItem::Const(_) => {
            "an interface has methods alone: write the constant beside the trait"
        }
        _ => "an interface has methods alone: nothing else can be called from afar",
    };
    syn::Error::new_spanned(item, message)
}

fn named_twice(name: &Ident) -> syn::Error {
    let message = format!("there is a method `{name}` already: choose another name");
    syn::Error::new(name.span(), message)
}

fn check_words(item: &ItemTrait) -> syn::Result<()> {
    let mut complaints = Complaints::default();
    let mut complain = |token: &dyn ToTokens, message: &str| {
        complaints.add(syn::Error::new(token.span(), message));
    };
    if let Some(token) = &item.unsafety {
        complain(token, "an interface isn't unsafe: remove `unsafe`");
    }
    if let Some(token) = &item.auto_token {
        complain(token, "an interface is implemented by hand: remove `auto`");
    }
    if !item.supertraits.is_empty() {
        let message = "an interface stands for itself: remove this, and write the methods that \
                       are to be called into the trait (`Send` and `'static` it has already)";
        let supertraits = &item.supertraits;
        complaints.add(syn::Error::new_spanned(supertraits, message));
    }
    complaints.into_result()
}

fn check_generics(item: &ItemTrait) -> syn::Result<()> {
    let message = "an interface isn't generic: both ends must mean the same types; write them out, \
                   or a trait for each";
    travelling::check_generics(&item.generics, message)
}
