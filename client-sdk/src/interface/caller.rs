//! Who calls.

use std::future::Future;
use std::sync::Arc;

/// Who makes the call that is being answered.
///
/// ```
/// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/broker.rs")); }
/// # doc::with_client(async |client| {
/// use client_sdk::interface::Caller;
///
/// #[client_sdk::service]
/// trait Mirror {
///     async fn who_am_i(&self) -> String;
/// }
///
/// struct Glass;
///
/// #[client_sdk::service]
/// impl Mirror for Glass {
///     async fn who_am_i(&self) -> String {
///         Caller::current().and_then(|caller| caller.name).as_deref().unwrap_or("?").to_owned()
///     }
/// }
///
/// let _serving = client.serve("mirror", Glass).await?;
/// let mirror = client.resolve::<dyn Mirror>("mirror").await?;
/// assert_eq!(mirror.who_am_i().await?, "bob");
/// # Ok(())
/// # }).unwrap();
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Caller {
    /// The name by which the broker knows the client: what it is [sent](crate::Client::send) to. Others may
    /// have the same.
    pub name: Option<Arc<str>>,
    /// Its session, which is told with calls that have an answer alone. A client that comes back without its
    /// session has another one.
    pub session: Option<Arc<str>>,
}

tokio::task_local! {
    static CURRENT: Caller;
}

impl Caller {
    /// Who makes the call that the present task answers; `None` outside of one. A task that the
    /// method spawns is outside.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok()
    }

    pub(super) async fn scope<F: Future>(self, future: F) -> F::Output {
        CURRENT.scope(self, future).await
    }

    pub(super) fn sync_scope<T>(self, f: impl FnOnce() -> T) -> T {
        CURRENT.sync_scope(self, f)
    }
}
