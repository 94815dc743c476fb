//! What of a bench is to run, and how thoroughly.

/// Whether the benches run in their short mode: enough to see that they work, too little for
/// figures. Set by the environment variable `BENCH_SHORT=1`.
pub fn is_short() -> bool {
    std::env::var_os("BENCH_SHORT").is_some_and(|value| value != "0")
}

/// The parts of a bench that the command line names: `cargo bench --bench fanout -- topics codecs`.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    filters: Vec<String>,
}

impl Selection {
    /// What the command line of this program names. Options, such as cargo's own `--bench`, are for
    /// other harnesses.
    pub fn of_arguments() -> Self {
        Self::new(std::env::args().skip(1))
    }

    fn new(arguments: impl Iterator<Item = String>) -> Self {
        Self { filters: arguments.filter(|argument| !argument.starts_with('-')).collect() }
    }

    /// Whether a part is to run: all are if none is named, else those whose names contain one.
    pub fn has(&self, part: &str) -> bool {
        self.filters.is_empty() || self.filters.iter().any(|filter| part.contains(&**filter))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(arguments: &[&str]) -> Selection {
        Selection::new(arguments.iter().map(|argument| (*argument).to_owned()))
    }

    #[test]
    fn without_a_filter_everything_runs() {
        assert!(selection(&["--bench"]).has("fanout/topics"));
    }

    #[test]
    fn with_filters_only_what_contains_one_of_them_runs() {
        let selection = selection(&["topics", "codecs", "--bench"]);
        assert!(selection.has("fanout/topics") && selection.has("fanout/codecs"));
        assert!(!selection.has("fanout/shards"));
    }
}
