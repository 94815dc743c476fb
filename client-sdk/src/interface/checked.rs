//! What the compiler checks where the attributes are used, and what it says if it isn't so.

use std::fmt::Display;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::incoming::Handler;

/// An object that may be served as an `I`: what `#[client_sdk::service]` above its `impl` says. That it goes to
/// other threads the trait of the service asks of it, once.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be served: no `impl` of it has `#[client_sdk::service]` above it",
    label = "this object",
    note = "write `#[client_sdk::service]` above the `impl` of the service's trait for it",
    note = "it is served by itself, not within an `Arc`, a `Box` or a `&`: what others are to see of it stands in \
            an `Arc` inside it"
)]
pub trait ImplementsService<I: ?Sized>: 'static {
    /// Makes it ready to be called.
    fn into_handler(self) -> Arc<dyn Handler>;
}

/// An object that may be offered as an `I`: what `#[client_sdk::callback]` above its `impl` says. That it goes
/// to other threads the trait of the callback asks of it, once.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be offered: no `impl` of it has `#[client_sdk::callback]` above it",
    label = "this object",
    note = "write `#[client_sdk::callback]` above the `impl` of the callback's trait for it",
    note = "it is offered by itself, not within an `Arc`, a `Box` or a `&`: what others are to see of it stands in \
            an `Arc` inside it"
)]
pub trait ImplementsCallback<I: ?Sized>: 'static {
    /// Makes it ready to be called.
    fn into_handler(self) -> Arc<dyn Handler>;
}

/// An interface as which an object `O` can be called, if it is one of the kind `K`. The attributes
/// implement this for `dyn Trait`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` isn't an interface of the kind that the attribute above this `impl` says",
    label = "a trait of the other kind, or of none",
    note = "the same attribute stands above a trait and above the `impl` of it: \
            `#[client_sdk::service]` or `#[client_sdk::callback]`"
)]
pub trait HandledAs<O, K> {
    /// Makes an object ready to be called.
    fn handler(object: O) -> Arc<dyn Handler>;
}

/// The kinds of interfaces.
pub mod kind {
    /// Called by services, offered by clients.
    #[derive(Debug)]
    pub enum Callback {}

    /// Called by clients, by name.
    #[derive(Debug)]
    pub enum Service {}
}

/// What calls and answers can carry: whatever serde writes and reads, without borrowing.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't travel in a call",
    label = "this type",
    note = "write `#[client_sdk::data]` above it, or derive `Serialize` and `Deserialize` of serde",
    note = "a `Callback<dyn Trait>` travels where `#[client_sdk::callback]` stands above the trait",
    note = "of another crate's types those travel that have both; a pointer that is shared doesn't: write \
            `Box<…>` for `Arc<…>`"
)]
pub trait Travels {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned> Travels for T {}

/// Has the compiler check that a type can travel. The attributes write this.
pub const fn travels<T: Travels>() {}

/// Many that are asked at once: nothing is this.
#[diagnostic::on_unimplemented(
    message = "many can't be asked at once: this call has an answer",
    label = "called of many",
    note = "call each `Callback` by itself, or give the trait a method without an answer: `fn` without `async`"
)]
pub trait Asked {}

/// What an argument has to be that says what a call is about: a text can be made of it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be the key of a call: no text can be made of it",
    label = "this argument",
    note = "a key is compared as a text: implement `Display` for `{Self}`, or name an argument that has it, \
            as texts and numbers do"
)]
pub trait Key {
    /// The key as it travels.
    fn to_key(&self) -> String;
}

#[diagnostic::do_not_recommend]
impl<T: Display + ?Sized> Key for T {
    fn to_key(&self) -> String {
        self.to_string()
    }
}

/// The key of a call. The attributes write this.
pub fn key<K: Key + ?Sized>(of: &K) -> String {
    of.to_key()
}
