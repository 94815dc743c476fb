//! What a handle dereferences to, of whatever it is a handle to.

use std::any::Any;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use super::Interface;
use super::remote::{Calls, Remote};

/// The caller's side of an interface, shared by the clones of a handle.
///
/// A type that says nothing of `I`: of a handle to what is no interface the compiler complains where it is
/// made, used or sent, and not wherever its type is mentioned.
pub(super) struct Handle<I: ?Sized> {
    calls: Arc<dyn Any + Send + Sync>,
    interface: PhantomData<fn() -> I>,
}

impl<I: Interface + ?Sized> Handle<I> {
    pub(super) fn new(remote: Remote) -> Self {
        Self { calls: Arc::new(I::Calls::new(remote)), interface: PhantomData }
    }

    pub(super) fn calls(&self) -> &I::Calls {
        self.calls.downcast_ref().unwrap_or_else(|| unreachable!("a handle is made of its calls"))
    }

    pub(super) fn remote(&self) -> &Remote {
        self.calls().remote()
    }
}

impl<I: ?Sized> Clone for Handle<I> {
    fn clone(&self) -> Self {
        Self { calls: Arc::clone(&self.calls), interface: PhantomData }
    }
}

impl<I: Interface + ?Sized> fmt::Debug for Handle<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.calls().fmt(f)
    }
}
