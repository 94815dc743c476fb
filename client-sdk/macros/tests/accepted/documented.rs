//! Documentation is carried over to the caller's side: nothing is left without.

/// Sums.
#[client_sdk::service]
pub trait Sums {
    /// Adds.
    async fn add(&self, one: i64, other: i64) -> i64;
    /// # Errors
    /// If there are none.
    async fn most(&self) -> Result<i64, ()>;
}

/// Hears.
#[client_sdk::callback]
pub trait Ear {
    /// Something was said.
    ///
    /// By somebody.
    fn heard(&self, text: String);
}

/// What calls carry.
#[client_sdk::data]
#[derive(Debug)]
pub struct Sum {
    /// Its value.
    pub value: i64,
}
