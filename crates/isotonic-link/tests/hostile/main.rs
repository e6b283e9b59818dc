//! Peers that break the rules: each costs its own connection and nothing else. After each the process
//! has as many descriptors as before, and the next client is served.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod alone;
mod attach_to_a_server;
mod descriptors;
mod echo_server;
mod greeting_a_server;
#[path = "../patience/mod.rs"]
mod patience;
mod policy;
#[path = "../links/random.rs"]
mod random;
mod raw_peer;
mod records_to_a_client;
mod records_to_a_server;
mod scribbling;
mod segments;
mod vanishing;
