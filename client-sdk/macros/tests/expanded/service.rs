/// Adds.
pub trait Sums {
    /// Adds two numbers.
    async fn add(&self, one: i64, other: i64) -> Result<i64, Overflow>;
    #[timeout("2s")]
    async fn clear(&mut self);
}
