//! Peers that are processes of their own: of other users, killed, or stopped. This program is all of them:
//! started by `cargo test` it runs the tests, and they start it again as the peer.
//!
//! Processes are killed at some 40 points. More, with a line of figures at the end:
//!
//! ```text
//! ISOTONIC_KILLS=2000 cargo test -p isotonic-link --test processes
//! ```

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod child;
#[path = "../hostile/descriptors.rs"]
mod descriptors;
mod killed;
mod other_users;
#[path = "../patience/mod.rs"]
mod patience;
#[path = "../hostile/raw_peer.rs"]
#[expect(dead_code, reason = "these tests need a part of it")]
mod raw_peer;
#[path = "../hostile/ring_peer.rs"]
#[expect(dead_code, reason = "these tests need a part of it")]
mod ring_peer;
mod roles;
#[path = "../hostile/segments.rs"]
#[expect(dead_code, reason = "these tests need a part of it")]
mod segments;
mod stopped;
mod stream;
#[path = "../hostile/watched.rs"]
mod watched;

fn main() {
    match std::env::var(child::ROLE) {
        Ok(role) => roles::play(&role),
        Err(_) => tests(),
    }
}

#[tokio::main]
async fn tests() {
    other_users::tests().await;
    stopped::tests().await;
    killed::tests().await;
    println!("processes: all passed");
}

/// Names each test before it runs, so that one that fails is known.
async fn run(name: &str, test: impl Future<Output = ()>) {
    println!("test {name}");
    let _watched = watched::watched(name);
    test.await;
}
