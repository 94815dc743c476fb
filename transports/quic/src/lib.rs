//! Links over QUIC.
