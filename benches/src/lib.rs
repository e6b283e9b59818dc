//! Benchmarks of isotonic: `cargo bench -p isotonic-bench` runs those in `benches/`.
#![forbid(unsafe_code)]
