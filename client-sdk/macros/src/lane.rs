//! What stands in `#[keep(…)]` and `#[lane(…)]`: how calls of a method wait for a slow client.

use std::fmt::Display;
use std::str::FromStr;

use proc_macro2::Span;
use syn::ext::IdentExt as _;
use syn::meta::ParseNestedMeta;
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned as _;
use syn::{Attribute, Ident, LitBool, LitInt, Token};

use crate::options::with_parentheses;
use crate::time::milliseconds;
use crate::unknown;

/// The longest interval that the broker grants, in milliseconds.
const INTERVAL_MAX: u64 = 3_600_000;

/// How calls of a method wait. What isn't said is as the broker has it.
#[derive(Default)]
pub(crate) struct LaneRule {
    /// How many newest of each key, if not all.
    pub(crate) latest: Option<u32>,
    /// The argument that says what a call is about.
    pub(crate) key: Option<Ident>,
    pub(crate) drops_oldest: Option<bool>,
    pub(crate) priority: Option<u8>,
    pub(crate) min_interval: Option<u64>,
    pub(crate) bound_messages: Option<u32>,
    pub(crate) bound_bytes: Option<u64>,
    pub(crate) unreliable: bool,
    /// Where those stand that need another rule beside them.
    interval_at: Option<Span>,
    unreliable_at: Option<Span>,
}

impl LaneRule {
    /// Whether an attribute is one of these.
    pub(crate) fn is_meant(attribute: &Attribute) -> bool {
        attribute.path().is_ident("keep") || attribute.path().is_ident("lane")
    }

    /// Reads one of these attributes. A call that somebody waits for is never left out.
    pub(crate) fn read(&mut self, attribute: &Attribute, is_asked: bool) -> syn::Result<()> {
        if attribute.path().is_ident("keep") {
            with_parentheses(attribute, RULES)?;
            attribute.parse_args_with(|input: ParseStream<'_>| self.keep(input))?;
        } else {
            with_parentheses(attribute, OPTIONS)?;
            attribute.parse_nested_meta(|meta| self.option(&meta))?;
        }
        let leaves_out =
            self.latest.is_some() || self.unreliable || self.drops_oldest == Some(true);
        match is_asked && leaves_out {
            true => Err(syn::Error::new_spanned(
                attribute,
                "somebody waits for each answer, so no call is left out: remove this, or write `fn` \
                 without `async`",
            )),
            false => Ok(()),
        }
    }

    /// Complains about what the broker would refuse.
    pub(crate) fn check(&self) -> syn::Result<()> {
        if let Some(at) = self.interval_at.filter(|_| self.latest.is_none()) {
            let message = "less often means that calls are left out: write `#[keep(latest)]` too";
            return Err(syn::Error::new(at, message));
        }
        match self.unreliable_at.filter(|_| self.latest != Some(1)) {
            Some(at) => {
                let message = "what may be lost is followed by something newer: write \
                               `#[keep(latest)]` too";
                Err(syn::Error::new(at, message))
            }
            None => Ok(()),
        }
    }

    /// `all`, `latest` or `latest(3)`, and `key = argument`.
    fn keep(&mut self, input: ParseStream<'_>) -> syn::Result<()> {
        let rule = input.parse::<Rule>()?;
        self.latest = rule.latest;
        if input.is_empty() {
            return Ok(());
        }
        input.parse::<Token![,]>().map_err(|error| syn::Error::new(error.span(), RULES))?;
        let word: Ident = input.parse().map_err(|error| syn::Error::new(error.span(), KEY))?;
        if word != "key" {
            return Err(syn::Error::new(word.span(), elsewhere(&word).as_deref().unwrap_or(KEY)));
        }
        if self.latest.is_none() {
            let message =
                "a key means something with `latest` alone: write `keep(latest, key = …)`";
            return Err(syn::Error::new(word.span(), message));
        }
        input.parse::<Token![=]>().map_err(|_| syn::Error::new(word.span(), KEY))?;
        let key = input.call(Ident::parse_any);
        self.key = Some(key.map_err(|error| syn::Error::new(error.span(), KEY))?);
        match input.is_empty() {
            true => Ok(()),
            false => {
                Err(input.error("nothing stands behind the key, which is one argument's name"))
            }
        }
    }

    fn option(&mut self, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
        if meta.path.is_ident("priority") {
            once(meta, self.priority.is_some())?;
            self.priority = Some(number(meta, 0, 7, "a priority is a number, 0 to 7")?);
        } else if meta.path.is_ident("min_interval") {
            once(meta, self.min_interval.is_some())?;
            self.min_interval = Some(interval(meta)?);
            self.interval_at = Some(meta.path.span());
        } else if meta.path.is_ident("bound_messages") {
            once(meta, self.bound_messages.is_some())?;
            self.bound_messages =
                Some(number(meta, 1, u32::MAX, "a bound is a number, 1 or more")?);
        } else if meta.path.is_ident("bound_bytes") {
            once(meta, self.bound_bytes.is_some())?;
            self.bound_bytes = Some(number(meta, 1, u64::MAX, "a bound is a number, 1 or more")?);
        } else if meta.path.is_ident("unreliable") {
            once(meta, self.unreliable_at.is_some())?;
            self.unreliable = switch(meta)?;
            self.unreliable_at = self.unreliable.then(|| meta.path.span());
        } else if meta.path.is_ident("drop_oldest") {
            once(meta, self.drops_oldest.is_some())?;
            self.drops_oldest = Some(switch(meta)?);
        } else {
            let said = meta.path.get_ident().and_then(elsewhere);
            return Err(meta.error(said.as_deref().unwrap_or(OPTIONS)));
        }
        Ok(())
    }
}

/// What to write for a word that belongs to the other of the two attributes.
fn elsewhere(word: &Ident) -> Option<String> {
    let how = match word == "keep" {
        true => "keep(latest)",
        false => unknown::within(&word.to_string())?,
    };
    Some(format!("this is said by an attribute of its own: write `#[{how}]`"))
}

fn once(meta: &ParseNestedMeta<'_>, is_said: bool) -> syn::Result<()> {
    match is_said {
        true => Err(meta.error("this is said already: write it once")),
        false => Ok(()),
    }
}

fn number<N>(meta: &ParseNestedMeta<'_>, least: N, most: N, complaint: &str) -> syn::Result<N>
where
    N: FromStr<Err: Display> + PartialOrd,
{
    let value = meta.value().map_err(|_| meta.error(complaint))?;
    let written: LitInt =
        value.parse().map_err(|error| syn::Error::new(error.span(), complaint))?;
    let number = written.base10_parse().ok().filter(|number| *number >= least && *number <= most);
    number.ok_or_else(|| syn::Error::new(written.span(), complaint))
}

fn interval(meta: &ParseNestedMeta<'_>) -> syn::Result<u64> {
    let value = meta.value().map_err(|_| meta.error("write `min_interval = \"50ms\"`"))?;
    let (time, span) = milliseconds(value)?;
    match time <= INTERVAL_MAX {
        true => Ok(time),
        false => Err(syn::Error::new(span, "an interval is \"60min\" at most")),
    }
}

/// A word alone means yes.
fn switch(meta: &ParseNestedMeta<'_>) -> syn::Result<bool> {
    match meta.input.peek(Token![=]) {
        true => {
            let written = meta.value()?.parse::<LitBool>();
            let how = "it is `true` or `false`; the word alone means `true`";
            Ok(written.map_err(|error| syn::Error::new(error.span(), how))?.value)
        }
        false => Ok(true),
    }
}

const RULES: &str =
    "write `keep(all)`, `keep(latest)`, `keep(latest(3))` or `keep(latest, key = argument)`";

const KEY: &str = "write `key = argument`, of one of the method's arguments";

const OPTIONS: &str = "a lane has `priority = 7`, `min_interval = \"50ms\"`, `bound_messages = 100`, \
                       `bound_bytes = 65536`, `drop_oldest` and `unreliable`";

struct Rule {
    latest: Option<u32>,
}

impl Parse for Rule {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let word: Ident = input.parse().map_err(|error| syn::Error::new(error.span(), RULES))?;
        if word == "all" {
            return Ok(Self { latest: None });
        }
        if word != "latest" {
            return Err(syn::Error::new(word.span(), RULES));
        }
        if !input.peek(syn::token::Paren) {
            return Ok(Self { latest: Some(1) });
        }
        let inner;
        syn::parenthesized!(inner in input);
        let complaint = |at: Span| {
            let message =
                "it says how many of each key are kept, at least 1: write `keep(latest(3))`";
            syn::Error::new(at, message)
        };
        let written: LitInt = inner.parse().map_err(|error| complaint(error.span()))?;
        let latest = written.base10_parse().ok().filter(|latest| *latest > 0);
        Ok(Self { latest: Some(latest.ok_or_else(|| complaint(written.span()))?) })
    }
}
