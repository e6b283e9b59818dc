//! Peers that break the rules: each costs its own connection and nothing else. After each the process
//! has as many descriptors as before, and the next client is served.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod alone;
mod attach_to_a_server;
mod cut_short;
mod descriptors;
mod echo_server;
mod floods;
mod greeting_a_server;
mod hanging_file;
mod impostors;
mod left_behind;
mod lengths;
mod lingering_socket;
mod one_users_share;
#[path = "../patience/mod.rs"]
mod patience;
mod plain_bytes;
mod policy;
#[path = "../links/random.rs"]
mod random;
mod raw_peer;
mod records_to_a_client;
mod records_to_a_server;
#[allow(dead_code)] // The tests of processes need more of it.
mod ring_peer;
mod rings;
mod scribbling;
mod segments;
mod slow_peers;
mod stages;
mod unread;
mod vanishing;
mod watched;
mod wrong_record;
