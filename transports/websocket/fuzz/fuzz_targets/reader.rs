#![no_main]
//! `cargo fuzz run -s none reader`, from `transports/websocket`.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| transport_websocket_fuzz::check::reader(bytes));
