trait Guest {
    /// Somebody types.
    #[keep(latest, key = who)]
    fn typing(&self, who: String, on: bool);
    async fn confirm(&self, question: String) -> bool;
}
