//! The attributes of a method: those that mean the interface, and the others.

use syn::{Attribute, Meta, TraitItemFn};

use crate::complaints::Complaints;
use crate::interface::Role;
use crate::lane::LaneRule;
use crate::method::is_condition;
use crate::time::milliseconds;
use crate::unknown;

/// What is said of a method above it.
#[derive(Default)]
pub(crate) struct Options {
    /// Documentation and all else that isn't read here.
    pub(crate) others: Vec<Attribute>,
    pub(crate) lane: LaneRule,
    pub(crate) timeout: Option<u64>,
    pub(crate) expires_in: Option<u64>,
}

/// Reads what is said of a method.
pub(crate) fn read(role: Role, item: &TraitItemFn, is_asked: bool) -> syn::Result<Options> {
    let mut options = Options::default();
    let mut complaints = Complaints::default();
    let mut seen: Vec<&Attribute> = Vec::new();
    for attribute in &item.attrs {
        let is_ours = complaints.unless(options.read(role, attribute, is_asked)) == Some(true);
        if is_ours
            && seen.iter().any(|before| before.path().get_ident() == attribute.path().get_ident())
        {
            complaints
                .add(syn::Error::new_spanned(attribute, "this is said already: write it once"));
        }
        seen.push(attribute);
    }
    complaints.unless(check_key(&options.lane, item));
    complaints.unless(options.lane.check());
    complaints.into_result().map(|()| options)
}

impl Options {
    /// Returns whether the attribute means the interface.
    fn read(&mut self, role: Role, attribute: &Attribute, is_asked: bool) -> syn::Result<bool> {
        if is_condition(attribute) {
            let message = "an interface has the same methods for everybody: remove the condition";
            return Err(syn::Error::new_spanned(attribute, message));
        }
        if let Some(error) = reached_by_path(attribute) {
            return Err(error);
        }
        if attribute.path().is_ident("timeout") {
            if !is_asked {
                let message = "nobody waits for this call: remove `timeout`, or write `async fn`";
                return Err(syn::Error::new_spanned(attribute, message));
            }
            self.timeout = Some(time(attribute, "write `timeout(\"5s\")`")?);
            return Ok(true);
        }
        if attribute.path().is_ident("expires_in") {
            if is_asked {
                let message = "somebody waits for each answer, so no call is left out: remove this; \
                               `timeout` says for how long it waits";
                return Err(syn::Error::new_spanned(attribute, message));
            }
            self.expires_in = Some(time(attribute, "write `expires_in(\"5s\")`")?);
            return Ok(true);
        }
        if !LaneRule::is_meant(attribute) {
            unknown::check(attribute)?;
            self.others.push(attribute.clone());
            return Ok(false);
        }
        check_place(role, attribute)?;
        self.lane.read(attribute, is_asked)?;
        Ok(true)
    }
}

/// Whether an attribute is one of those that are read here.
pub(crate) fn is_meant(attribute: &Attribute) -> bool {
    unknown::OURS.iter().any(|word| attribute.path().is_ident(word))
}

/// Complains about `client_sdk::keep` and the like, which are no attributes of their own.
fn reached_by_path(attribute: &Attribute) -> Option<syn::Error> {
    let segments = &attribute.path().segments;
    let (first, last) = (segments.first()?, segments.last()?);
    if segments.len() < 2
        || first.ident != "client_sdk"
        || !unknown::OURS.iter().any(|one| last.ident == one)
    {
        return None;
    }
    let message = format!("the attribute above the trait reads this: write `{}` alone", last.ident);
    Some(syn::Error::new_spanned(attribute.path(), message))
}

/// Complains about an attribute that says nothing.
pub(crate) fn with_parentheses(attribute: &Attribute, how: &str) -> syn::Result<()> {
    match &attribute.meta {
        Meta::List(list) if !list.tokens.is_empty() => Ok(()),
        _ => Err(syn::Error::new_spanned(attribute, how)),
    }
}

fn time(attribute: &Attribute, how: &str) -> syn::Result<u64> {
    with_parentheses(attribute, how)?;
    attribute.parse_args_with(milliseconds).map(|(time, _)| time)
}

fn check_place(role: Role, attribute: &Attribute) -> syn::Result<()> {
    match role {
        Role::Callback => Ok(()),
        Role::Service => Err(syn::Error::new_spanned(
            attribute,
            "this says how calls wait for a slow client, and a service is none: remove it; it \
             belongs to a method of a callback",
        )),
    }
}

fn check_key(lane: &LaneRule, item: &TraitItemFn) -> syn::Result<()> {
    let Some(key) = &lane.key else { return Ok(()) };
    let names: Vec<_> = item.sig.inputs.iter().filter_map(name).collect();
    if names.contains(&key) {
        return Ok(());
    }
    let known = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let message = match names.is_empty() {
        true => format!("`{key}` is no argument of `{}`: it has none", item.sig.ident),
        false => format!("`{key}` is no argument of `{}`: write one of {known}", item.sig.ident),
    };
    Err(syn::Error::new(key.span(), message))
}

fn name(input: &syn::FnArg) -> Option<&syn::Ident> {
    match input {
        syn::FnArg::Typed(typed) => match &*typed.pat {
            syn::Pat::Ident(pattern) => Some(&pattern.ident),
            _ => None,
        },
        syn::FnArg::Receiver(_) => None,
    }
}
