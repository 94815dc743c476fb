//! What the attributes do with types that travel, so that of one that can't only
//! [`travels`](super::travels) complains.
//!
//! Each of these functions stands here twice: for types that travel, and in a trait for all. The first is
//! taken where it can be (an inherent function goes before a trait's); where it can't, the program doesn't
//! compile anyway, and the other one keeps the compiler from saying so once for each call.

use std::future::Future;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::description::Method;
use super::error::CallError;
use super::fault::Fault;
use super::incoming::{Handled, Incoming};
use super::remote::Remote;
use super::told::Told;
use crate::Body;

/// A type in calls: the arguments of a method, or its answer to arguments `A`. The attributes write this.
#[derive(Debug)]
pub struct Carried<T, A = ()>(PhantomData<(T, A)>);

impl<T: Serialize + DeserializeOwned> Carried<T> {
    /// Calls with these arguments; nobody waits for an answer.
    pub fn tell(
        remote: &Remote,
        method: &'static Method,
        key: Option<String>,
        arguments: T,
    ) -> Told {
        remote.tell(method, key, arguments)
    }

    /// Writes the arguments of a call with an answer.
    ///
    /// # Errors
    /// [`CallError::Unwritable`].
    pub fn write(
        remote: &Remote,
        method: &'static Method,
        arguments: &T,
    ) -> Result<Body, CallError> {
        remote.written(method, arguments)
    }

    /// Calls with what was written, and waits for this answer. Dropping the future cancels the call at
    /// the far end.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn ask(
        remote: &Remote,
        method: &'static Method,
        written: Result<Body, CallError>,
    ) -> Result<T, CallError> {
        remote.ask(method, written?).await
    }

    /// Reads the arguments of a call that came.
    ///
    /// # Errors
    /// If they are those of another version, or can't be read.
    pub fn read(call: &Incoming<'_>) -> Result<T, Fault> {
        call.arguments()
    }
}

impl<T: Serialize, A: DeserializeOwned> Carried<T, A> {
    /// This answer of a method with those arguments, once it has one.
    pub fn answer(call: Incoming<'_>, method: impl Future<Output = T> + Send + 'static) -> Handled {
        call.later(method)
    }
}

/// The same of all types. Nothing of it is ever called.
pub trait CarriedByNone<T>: Sized {
    /// Stands for [`Carried::tell`].
    fn tell(_: &Remote, _: &'static Method, _: Option<String>, _: T) -> Told {
        never()
    }

    /// Stands for [`Carried::write`].
    #[allow(clippy::missing_errors_doc, reason = "it is never called")]
    fn write(_: &Remote, _: &'static Method, _: &T) -> Result<Body, CallError> {
        never()
    }

    /// Stands for [`Carried::ask`].
    fn ask(
        _: &Remote,
        _: &'static Method,
        _: Result<Body, CallError>,
    ) -> impl Future<Output = Result<T, CallError>> + Send {
        async { never() }
    }

    /// Stands for [`Carried::read`].
    #[allow(clippy::missing_errors_doc, reason = "it is never called")]
    fn read(_: &Incoming<'_>) -> Result<T, Fault> {
        never()
    }

    /// Stands for [`Carried::answer`].
    fn answer(_: Incoming<'_>, _: impl Future<Output = T>) -> Handled {
        never()
    }
}

impl<T, A> CarriedByNone<T> for Carried<T, A> {}

fn never<T>() -> T {
    unreachable!("of a type that can't travel the compiler has complained")
}

/// The answer of a method that returns a `Result`. The attributes write this.
///
/// # Errors
/// The call's own, and the method's as [`CallError::Application`].
pub fn fallible<V, E>(answer: Result<Result<V, E>, CallError>) -> Result<V, CallError<E>> {
    answer.map_err(CallError::widen)?.map_err(CallError::Application)
}
