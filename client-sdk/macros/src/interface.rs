//! What was read of a trait: all that the code made from it needs to know.

use std::fmt;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Attribute, Block, Ident, Receiver, TraitItemFn, Type, Visibility};

use crate::lane::LaneRule;

/// Which of the two kinds of interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Called by services, offered by clients.
    Callback,
    /// Called by clients, by name.
    Service,
}

impl ToTokens for Role {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        tokens.extend(match self {
            Self::Callback => quote!(::client_sdk::interface::kind::Callback),
            Self::Service => quote!(::client_sdk::interface::kind::Service),
        });
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Callback => "callback",
            Self::Service => "service",
        })
    }
}

/// A trait that is an interface.
pub(crate) struct Interface {
    pub(crate) role: Role,
    pub(crate) name: Ident,
    pub(crate) visibility: Visibility,
    /// Of those above the trait the ones that say whether it is there at all.
    pub(crate) conditions: Vec<Attribute>,
    /// What stands above the trait, documentation and all else.
    pub(crate) attributes: Vec<Attribute>,
    /// Whether calls are made one at a time: some method takes `&mut self`.
    pub(crate) is_serial: bool,
    pub(crate) methods: Vec<Method>,
    /// What can't be called from afar. It stands in the trait, so that the compiler has no further
    /// complaints where it is implemented.
    pub(crate) refused: Vec<TraitItemFn>,
}

/// One method.
pub(crate) struct Method {
    pub(crate) name: Ident,
    /// What stands above it, without the attributes that are read here.
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) receiver: Receiver,
    pub(crate) arguments: Vec<Argument>,
    pub(crate) answer: Answer,
    pub(crate) lane: LaneRule,
    /// How long its caller waits, in milliseconds, if that is said.
    pub(crate) timeout: Option<u64>,
    /// After how many milliseconds a call isn't worth making any more, if that is said.
    pub(crate) expires_in: Option<u64>,
    pub(crate) body: Option<Block>,
    /// As it was written, for people and for its fingerprint.
    pub(crate) signature: String,
}

/// One argument.
pub(crate) struct Argument {
    pub(crate) name: Ident,
    pub(crate) kind: Type,
}

/// What a caller gets.
pub(crate) enum Answer {
    /// Nothing: a call without an answer.
    None,
    /// A value.
    Value(Box<Type>),
    /// A value or the method's own error.
    Fallible(Box<Type>, Box<Type>),
}

impl Method {
    /// Whether it takes `&mut self`.
    pub(crate) fn takes_mut(&self) -> bool {
        self.receiver.mutability.is_some()
    }

    /// Its return type, as the trait has it.
    pub(crate) fn output(&self) -> TokenStream {
        match &self.answer {
            Answer::None => quote!(()),
            Answer::Value(value) => quote!(#value),
            Answer::Fallible(value, error) => quote!(::std::result::Result<#value, #error>),
        }
    }

    /// What is said of it above that is said to its callers too.
    pub(crate) fn told_to_callers(&self) -> impl Iterator<Item = &Attribute> {
        let told = ["doc", "deprecated"];
        self.attributes.iter().filter(move |one| told.iter().any(|word| one.path().is_ident(word)))
    }
}
