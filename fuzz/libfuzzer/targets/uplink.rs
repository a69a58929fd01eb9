//! The harness function of this name, under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tautline_fuzz::uplink(data));
