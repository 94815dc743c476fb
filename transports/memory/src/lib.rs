//! Links inside one process, as badly as a test asks.
