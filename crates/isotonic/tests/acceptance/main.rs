//! What isotonic promises to those who use it with tonic, a test for each promise.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod addresses;
mod each_link;
mod local_first;
mod misbehaving_clients;
mod reconnecting;
mod required;
mod served;
mod stock_peers;
