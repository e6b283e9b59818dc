//! One suite for every link that isotonic has, and for every peer it can meet.
//!
//! ```text
//!   interop::CASES    (official)                     service::TestService
//!   behaviour::CASES  (all else)                             ^
//!        |                                                   | counts
//!     Subject { Way, Observer } <----------------------- Observer
//!        |
//!     Link: serves Routes, and makes Ways to them  <--- tests/matrix/links: one file a link
//! ```
//!
//! The service is that of gRPC's interoperability tests ([`proto`], [`service`]). A [`Case`] names a scenario: most get a
//! [`Subject`], which is a [`Way`] to this service (what generated tonic clients accept, of whatever type) and an
//! [`Observer`] of what the service saw; others get the [`Link`] itself, and serve and connect as they like. No scenario
//! names a transport, so the same one runs over every link, and later over isotonic's own framing. [`oracle`] compares
//! two links instead of knowing the answers.
//! `tests/matrix` multiplies cases, links and foreign peers.

#![forbid(unsafe_code)]

pub mod behaviour;
pub mod bounded;
pub mod case;
pub mod echo;
pub mod interop;
pub mod limits;
pub mod link;
mod message_flags;
mod messages;
pub mod observer;
pub mod oracle;
pub mod payload;
pub mod proto;
pub mod reach;
pub mod separate_runtime;
pub mod service;
pub mod subject;

pub use bounded::Bounded;
pub use case::Case;
pub use link::Link;
pub use observer::Observer;
pub use reach::{Reach, Way};
pub use separate_runtime::SeparateRuntime;
pub use subject::Subject;
