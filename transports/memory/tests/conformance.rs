//! The promises that every transport makes, over memory.

mod fixture;

mod packets {
    use super::fixture::Memory;

    transport_conformance::conformance_tests!(Memory::packets(), start_paused = true);
}

mod chopped_stream {
    use super::fixture::Memory;

    transport_conformance::conformance_tests!(Memory::chopped_stream(), start_paused = true);
}

mod separate_lanes {
    use super::fixture::Memory;

    transport_conformance::conformance_tests!(Memory::separate_lanes(), start_paused = true);
}

mod far_away {
    use super::fixture::Memory;

    transport_conformance::conformance_tests!(Memory::far_away(), start_paused = true);
}
