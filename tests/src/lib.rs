//! What users may rely on: the same scenarios over every transport.
