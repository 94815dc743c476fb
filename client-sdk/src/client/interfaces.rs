//! Typed interfaces: services that are served and found by a name.

use crate::interface::{Eventually, ImplementsService, ServiceBuilder, ServiceInterface, resolve};
use crate::{Client, ResolveError, Service, Serving, SubscribeError};

impl Client {
    /// Serves an object under a name: whoever [resolves](Client::resolve) that name calls its methods.
    /// Waits until the serving has begun; dropping the returned guard ends it.
    ///
    /// Calls are carried out at the same time, up to 64; [`Client::serving`] has other ways. Several
    /// that serve one name share its calls. A name is a topic, of one level or more.
    ///
    /// # Errors
    /// If the name is no topic, the broker refuses, or the client is closed. While the connection is
    /// lost it waits.
    ///
    /// # Cancel safety
    /// Dropping the future ends the serving.
    ///
    /// See [`interface`](crate::interface) for an example.
    pub fn serve<I, S>(
        &self,
        name: &str,
        service: S,
    ) -> Eventually<'_, Result<Serving, SubscribeError>>
    where
        I: ServiceInterface + ?Sized,
        S: ImplementsService<I>,
    {
        self.serving(name).start(service)
    }

    /// Begins to serve with further options: one call at a time, an object for each client.
    pub fn serving(&self, name: &str) -> ServiceBuilder<'_> {
        ServiceBuilder::new(self, name)
    }

    /// Finds a service by its name, and sees that it is this interface.
    ///
    /// # Errors
    /// [`ResolveError::NotServed`] comes at once. See [`ResolveError`].
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    pub fn resolve<'a, I>(
        &'a self,
        name: &'a str,
    ) -> Eventually<'a, Result<Service<I>, ResolveError>>
    where
        I: ServiceInterface + ?Sized + 'a,
    {
        Box::pin(resolve(self, name))
    }
}
