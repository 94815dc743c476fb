//! What can go wrong when a name is taken.

/// A name could not be listened on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// Somebody listens there already.
    #[error("somebody listens at memory://{name} already")]
    Taken {
        /// The name.
        name: String,
    },
}
