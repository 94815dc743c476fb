//! What stands in `#[keep(…)]` and `#[lane(…)]`: how calls of a method wait for a slow client.

use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Ident, LitBool, LitInt, LitStr, Token};

use crate::time::milliseconds;

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
}

impl LaneRule {
    /// Reads an attribute, if it is one of these.
    pub(crate) fn read(&mut self, attribute: &Attribute) -> syn::Result<bool> {
        if attribute.path().is_ident("keep") {
            attribute.parse_args_with(|input: ParseStream<'_>| self.keep(input))?;
        } else if attribute.path().is_ident("lane") {
            attribute.parse_nested_meta(|meta| self.option(&meta))?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// `all`, `latest` or `latest(3)`, and `key = argument`.
    fn keep(&mut self, input: ParseStream<'_>) -> syn::Result<()> {
        let rule = input.parse::<Rule>()?;
        self.latest = rule.latest;
        if input.is_empty() {
            return Ok(());
        }
        input.parse::<Token![,]>()?;
        let word: Ident = input.parse()?;
        if word != "key" {
            return Err(syn::Error::new(word.span(), "expected `key = argument`"));
        }
        if self.latest.is_none() {
            let message =
                "a key means something with `latest` alone: write `keep(latest, key = …)`";
            return Err(syn::Error::new(word.span(), message));
        }
        input.parse::<Token![=]>()?;
        self.key = Some(input.parse()?);
        match input.is_empty() {
            true => Ok(()),
            false => Err(input.error("nothing stands behind the key")),
        }
    }

    fn option(&mut self, meta: &syn::meta::ParseNestedMeta<'_>) -> syn::Result<()> {
        let number = || meta.value()?.parse::<LitInt>();
        if meta.path.is_ident("priority") {
            let written = number()?;
            let priority = written.base10_parse().ok().filter(|priority| *priority <= 7);
            let complaint = || syn::Error::new(written.span(), "a priority is 0 to 7");
            self.priority = Some(priority.ok_or_else(complaint)?);
        } else if meta.path.is_ident("min_interval") {
            self.min_interval = Some(milliseconds(&meta.value()?.parse::<LitStr>()?)?);
        } else if meta.path.is_ident("bound_messages") {
            self.bound_messages = Some(number()?.base10_parse()?);
        } else if meta.path.is_ident("bound_bytes") {
            self.bound_bytes = Some(number()?.base10_parse()?);
        } else if meta.path.is_ident("unreliable") {
            self.unreliable = true;
        } else if meta.path.is_ident("drop_oldest") {
            let said = meta.input.peek(Token![=]);
            let value = if said { meta.value()?.parse::<LitBool>()?.value } else { true };
            self.drops_oldest = Some(value);
        } else {
            return Err(meta.error(
                "a lane has `priority`, `min_interval`, `bound_messages`, `bound_bytes`, \
                 `drop_oldest` and `unreliable`",
            ));
        }
        Ok(())
    }
}

struct Rule {
    latest: Option<u32>,
}

impl Parse for Rule {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let word: Ident = input.parse()?;
        if word == "all" {
            return Ok(Self { latest: None });
        }
        if word != "latest" {
            let message = "write `keep(all)`, `keep(latest)`, `keep(latest(3))` or \
                           `keep(latest, key = argument)`";
            return Err(syn::Error::new(word.span(), message));
        }
        if !input.peek(syn::token::Paren) {
            return Ok(Self { latest: Some(1) });
        }
        let inner;
        syn::parenthesized!(inner in input);
        let written: LitInt = inner.parse()?;
        let latest = written.base10_parse().ok().filter(|latest| *latest > 0);
        let complaint = || syn::Error::new(written.span(), "keep at least one of each key");
        Ok(Self { latest: Some(latest.ok_or_else(complaint)?) })
    }
}
