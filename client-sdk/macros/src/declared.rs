//! Reads a trait, and complains where it can't be an interface.

use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{Ident, ItemTrait, TraitItem, TraitItemFn};

use crate::complaints::Complaints;
use crate::interface::{Interface, Method, Role};
use crate::method;

/// As many methods as a callback may have at the broker.
const METHODS_MAX: usize = 256;

/// Reads a trait. `None` if nothing can be made of it; what is made of one with complaints serves to
/// keep the compiler from complaining again wherever the trait is used.
pub(crate) fn read(role: Role, item: &ItemTrait) -> (Option<Interface>, Complaints) {
    let mut complaints = Complaints::default();
    complaints.unless(check_words(item));
    let is_plain = complaints.unless(check_generics(item)).is_some();
    let (mut methods, mut refused) = (Vec::new(), Vec::new());
    for one in functions(item, &mut complaints) {
        match method::read(role, one) {
            Ok(method) => methods.push(method),
            Err(error) => {
                complaints.add(error);
                refused.push(one.clone());
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
        conditions: item.attrs.iter().filter(|one| one.path().is_ident("cfg")).cloned().collect(),
        attributes: item.attrs.clone(),
        is_serial: methods.iter().any(Method::takes_mut),
        methods,
        refused,
    });
    (interface, complaints)
}

/// The methods, and complaints about all else.
fn functions<'a>(item: &'a ItemTrait, complaints: &mut Complaints) -> Vec<&'a TraitItemFn> {
    let mut functions: Vec<&TraitItemFn> = Vec::new();
    for one in &item.items {
        let message = match one {
            TraitItem::Fn(function) => {
                let name = &function.sig.ident;
                match functions.iter().any(|before| before.sig.ident == *name) {
                    false => functions.push(function),
                    true => complaints.add(named_twice(name)),
                }
                continue;
            }
            TraitItem::Type(_) => {
                "an interface has methods alone, both ends mean the same types: write the type \
                 itself where it is used"
            }
            TraitItem::Const(_) => {
                "an interface has methods alone: write the constant beside the trait"
            }
            _ => "an interface has methods alone: nothing else can be called from afar",
        };
        complaints.add(syn::Error::new_spanned(one, message));
    }
    functions
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
    let generics = &item.generics;
    let what: &dyn ToTokens = match &generics.where_clause {
        _ if !generics.params.is_empty() => generics,
        Some(condition) => condition,
        None => return Ok(()),
    };
    let message = "an interface isn't generic: both ends must mean the same types; write them out, \
                   or a trait for each";
    Err(syn::Error::new_spanned(what, message))
}
