//! Shared-memory byte rings between two processes that need not trust each other.
//!
//! Each side of a connection creates one [`OwnSegment`], a sealed memfd that it alone can write, and
//! maps the other side's as a [`PeerSegment`], read-only. [`rings`] joins the two into a [`Producer`]
//! (bytes to the peer, stored in our segment) and a [`Consumer`] (bytes from the peer, read from
//! theirs). A hostile peer can therefore corrupt only what it sends: it cannot write what we read
//! back, cut the memory away under us, or make us fault.
//!
//! This crate does no waiting of its own: the halves tell when a peer sleeps and has to be woken
//! ([`Producer::must_wake_reader`], [`Consumer::must_wake_writer`]) and announce that we are about to
//! sleep ([`Consumer::announce_sleep`], [`Producer::announce_sleep`]). How the wake-up travels is the
//! caller's business.
//!
//! ```
//! # #[cfg(target_os = "linux")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use isotonic_shm::{OwnSegment, PeerSegment, RingCapacity, rings};
//! use std::io::IoSlice;
//!
//! // Two "processes" in one: each creates its segment and maps the other's.
//! let capacity = RingCapacity::new(64 * 1024)?;
//! let (ours, our_fd) = OwnSegment::create(capacity)?;
//! let (theirs, their_fd) = OwnSegment::create(capacity)?;
//! let (mut producer, _) = rings(ours, PeerSegment::map(&their_fd, capacity)?);
//! let (_, mut consumer) = rings(theirs, PeerSegment::map(&our_fd, capacity)?);
//!
//! assert_eq!(producer.write_vectored(&[IoSlice::new(b"hello "), IoSlice::new(b"ring")])?, 10);
//! let mut received = Vec::new();
//! assert_eq!(consumer.read(&mut received)?, 10);
//! assert_eq!(received, b"hello ring");
//! # Ok(())
//! # }
//! # #[cfg(not(target_os = "linux"))]
//! # fn main() {}
//! ```
//!
//! Who writes what, in which order, and how that was checked is described in [`memory`].
//!
//! All of isotonic's `unsafe` stands in this crate, in the private modules `mapping`, `copy` and
//! `streaming` (and in `hostile` and `fuzzing`, for tests only); lints deny it everywhere else.
//! Segments exist on Linux only (memfd and its seals); elsewhere the crate is empty.

#[cfg(target_os = "linux")]
mod atomics;
#[cfg(target_os = "linux")]
#[allow(unsafe_code, reason = "reads memory that a peer writes")]
mod copy;
#[cfg(target_os = "linux")]
mod error;
#[cfg(all(target_os = "linux", any(test, fuzzing, feature = "hostile")))]
#[allow(unsafe_code, reason = "writes anywhere in a segment")]
pub mod hostile;
#[cfg(target_os = "linux")]
mod layout;
#[cfg(target_os = "linux")]
#[allow(unsafe_code, reason = "gives access to mapped memory")]
mod mapping;
pub mod memory;
#[cfg(target_os = "linux")]
mod ring;
#[cfg(target_os = "linux")]
mod segment;
#[cfg(target_os = "linux")]
mod sleep;
#[cfg(target_os = "linux")]
mod stores;
#[cfg(target_os = "linux")]
#[allow(unsafe_code, reason = "copies between raw pointers")]
mod streaming;
#[cfg(target_os = "linux")]
mod words;

#[cfg(all(target_os = "linux", any(test, fuzzing)))]
pub use ring::fuzzing;

#[cfg(target_os = "linux")]
pub use error::{CapacityError, CreateError, RingViolation, SegmentRefused};
#[cfg(target_os = "linux")]
pub use layout::{MAX_CAPACITY, MIN_CAPACITY, RingCapacity};
#[cfg(target_os = "linux")]
pub use ring::{Consumer, Producer, rings};
#[cfg(target_os = "linux")]
pub use segment::{OwnSegment, PeerSegment};
