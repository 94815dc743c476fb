//! Links over WebSocket, with and without TLS.
