//! The ring of isotonic-shm as models: every interleaving of a few steps under a weak memory
//! ([`on_loom`]), and many interleavings of more steps under a strong one ([`on_shuttle`]).
//!
//! What is checked is the product's own source: `ring.rs`, `sleep.rs`, `stores.rs` and `words.rs` are
//! compiled here once more for either, by their path. Only what is below them is a model (`memory`: a
//! segment of a few bytes) and what is above them (`link`: the steps of a link, and a socket for its
//! records).
//! `MEMORY.md` of isotonic-shm tells which model checks which argument, and how to run them for longer.
#![forbid(unsafe_code)]
#![allow(
    clippy::duplicate_mod,
    reason = "each file is compiled once for loom and once for shuttle"
)]
#![allow(
    clippy::arc_with_non_send_sync,
    reason = "loom's threads are simulated on one, and its types are not marked for others"
)]

pub mod mutation;
pub mod on_loom;
pub mod on_shuttle;

mod error;
mod layout;
