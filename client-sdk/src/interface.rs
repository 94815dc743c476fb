//! Typed interfaces: a trait for both ends.
//!
//! A service is a trait that programs call by a name; a callback is a trait whose objects clients
//! hand to services. One definition serves both ends, and the compiler checks both.
//!
//! ```
//! # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/broker.rs")); }
//! # doc::with_client(async |client| {
//! #[client_sdk::service]
//! trait Sums {
//!     /// Adds two numbers.
//!     async fn add(&self, one: i64, other: i64) -> Result<i64, Overflow>;
//! }
//!
//! #[client_sdk::data]
//! #[derive(Debug)]
//! struct Overflow;
//!
//! struct Abacus;
//!
//! #[client_sdk::service]
//! impl Sums for Abacus {
//!     async fn add(&self, one: i64, other: i64) -> Result<i64, Overflow> {
//!         one.checked_add(other).ok_or(Overflow)
//!     }
//! }
//!
//! let _serving = client.serve("sums", Abacus).await?;
//! let sums = client.resolve::<dyn Sums>("sums").await?;
//! assert_eq!(sums.add(20, 22).await?, 42);
//! # Ok(())
//! # }).unwrap();
//! ```

use std::future::Future;
use std::pin::Pin;

mod bounds;
mod callback;
mod caller;
mod calling;
mod carried;
mod checked;
mod copying;
mod described;
mod description;
mod ending;
mod error;
mod fault;
mod format;
mod handle;
mod holding;
mod incoming;
mod instances;
mod object;
mod offered;
mod parts;
mod presence;
mod remote;
mod scratch;
mod service;
mod serving;
mod set;
mod told;

pub use callback::Callback;
pub use caller::Caller;
pub use carried::{Carried, CarriedByNone, fallible};
pub use checked::{
    Asked, HandledAs, ImplementsCallback, ImplementsService, Key, Travels, key, kind, travels,
};
pub use description::{Description, LaneRule, Method};
pub use error::{CallError, ResolveError};
pub use fault::Fault;
pub use format::Format;
pub use holding::ReleaseReason;
pub use incoming::{Answering, Handled, Handler, Incoming};
pub use offered::{OfferBuilder, OfferError, Offered};
pub use parts::{Parts, PartsOfNone};
pub use presence::OwnerPresence;
pub use remote::{Calls, Remote};
pub use service::Service;
pub use serving::ServiceBuilder;
pub use set::CallbackSet;
pub use told::Told;

#[doc(hidden)]
pub use serde;
#[doc(hidden)]
pub use tokio::sync::Mutex as Serialized;

pub(crate) use holding::Holding;
pub(crate) use object::OfferedObject;
pub(crate) use presence::Minding;
pub(crate) use service::resolve;
pub(crate) use set::Members;

/// What begins, once it is awaited: a future that says nothing of the object that it is about, so that the
/// compiler complains about a wrong one once.
pub type Eventually<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A trait that both ends know. The attributes implement this for `dyn Trait`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` isn't an interface",
    label = "this trait",
    note = "write `dyn Trait`, of a trait with `#[client_sdk::service]` or `#[client_sdk::callback]` \
            above it"
)]
pub trait Interface {
    /// The caller's side.
    type Calls: Calls;
    /// What it is called and looks like.
    const DESCRIPTION: &'static Description;
}

/// An interface of services: see [`macro@crate::service`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` isn't the interface of a service",
    label = "not a service",
    note = "write `dyn Trait`, of a trait with `#[client_sdk::service]` above it; an object of a \
            callback's trait is handed over by `Client::offer`, with `#[client_sdk::callback]` above \
            its `impl`"
)]
pub trait ServiceInterface: Interface {}

/// An interface of callbacks: see [`macro@crate::callback`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` isn't the interface of a callback",
    label = "not a callback",
    note = "write `dyn Trait`, of a trait with `#[client_sdk::callback]` above it; an object of a \
            service's trait is served by `Client::serve`, with `#[client_sdk::service]` above its \
            `impl`"
)]
pub trait CallbackInterface: Interface {
    /// The caller's side of many at once.
    type Broadcast: Calls;
}
