#![no_main]
//! `cargo fuzz run -s none broker_frames`, from `broker/protocol`.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| broker_protocol_fuzz::check::broker_frames(bytes));
