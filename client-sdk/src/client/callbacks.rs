//! Typed interfaces: objects that are handed to services.

use crate::Client;
use crate::interface::{
    CallbackInterface, CallbackSet, Eventually, Format, ImplementsCallback, OfferBuilder,
    OfferError, Offered,
};

impl Client {
    /// Offers an object, to be called by whom a handle to it is given. Waits until the broker knows it;
    /// dropping the returned guard ends the offer.
    ///
    /// Any number may be offered over one connection. The object is called in a task of its own for
    /// each lane that its methods need, in the order of the calls there. A reconnect on which the
    /// session goes on keeps it; with its session the offer is over, which
    /// [`Offered::released`] says.
    ///
    /// # Errors
    /// If the broker refuses, or the client is closed. While the connection is lost it waits.
    ///
    /// # Cancel safety
    /// Dropping the future ends the offer.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/broker.rs")); }
    /// # doc::with_client(async |client| {
    /// use std::sync::mpsc;
    ///
    /// #[client_sdk::callback]
    /// trait Printer {
    ///     fn print(&self, line: String);
    /// }
    ///
    /// struct Paper(mpsc::Sender<String>);
    ///
    /// #[client_sdk::callback]
    /// impl Printer for Paper {
    ///     fn print(&self, line: String) {
    ///         let _ = self.0.send(line);
    ///     }
    /// }
    ///
    /// let (paper, lines) = mpsc::channel();
    /// let offered = client.offer(Paper(paper)).await?;
    /// // Mostly a service gets this handle, as an argument.
    /// let printer = offered.callback();
    /// printer.print("hello".to_owned());
    /// # tokio::task::block_in_place(|| {
    /// assert_eq!(lines.recv()?, "hello");
    /// # Ok::<_, mpsc::RecvError>(()) })?;
    /// # Ok(())
    /// # }).unwrap();
    /// ```
    pub fn offer<'a, I, O>(&'a self, object: O) -> Eventually<'a, Result<Offered<I>, OfferError>>
    where
        I: CallbackInterface + ?Sized + 'a,
        O: ImplementsCallback<I>,
    {
        self.offering().start(object)
    }

    /// Begins to offer an object with further options.
    pub fn offering(&self) -> OfferBuilder<'_> {
        OfferBuilder::new(self)
    }

    /// A set of callbacks that are called at once, by way of a topic.
    pub fn callback_set<I: CallbackInterface + ?Sized>(&self, topic: &str) -> CallbackSet<I> {
        CallbackSet::new(self, topic, Format::Bincode)
    }

    /// The same, called in JSON: objects of any language may be attached.
    pub fn json_callback_set<I: CallbackInterface + ?Sized>(&self, topic: &str) -> CallbackSet<I> {
        CallbackSet::new(self, topic, Format::Json)
    }
}
