#![no_main]
#![forbid(unsafe_code)]

mod threads;

libfuzzer_sys::fuzz_target!(|input: &[u8]| threads::run(|| isotonic_link::fuzzing::records(input)));
