//! The promises that every transport makes, over WebSocket with and without TLS.

mod fixture;

mod ws {
    use super::fixture::Ws;

    transport_conformance::conformance_tests!(Ws::plain());
}

mod wss {
    use super::fixture::Ws;

    transport_conformance::conformance_tests!(Ws::tls());
}
