//! One behavioural suite for every link that isotonic has.
//!
//! ```text
//!   behaviour::*  (scenarios)                         service::TestService
//!        |  generic over tonic's GrpcService                ^  wrapped in echo::EchoMetadata
//!     Subject { transport, Observer } <--- counts --- Observer
//!        |                                                  ^
//!        +------------- Fixture: one link, one server ------+
//! ```
//!
//! The service is that of gRPC's interoperability tests ([`proto`], [`service`]). A scenario of [`behaviour`] gets a
//! [`Subject`]: something that carries calls to this service, and an [`Observer`] of what the service saw. It names no
//! transport, so the same scenario runs over every link, and later over isotonic's own framing. A [`Fixture`] brings a
//! link and its server up and takes them down; `tests/behaviour.rs` multiplies the two.

#![forbid(unsafe_code)]

pub mod behaviour;
pub mod bounded;
pub mod echo;
pub mod fixture;
pub mod limits;
pub mod observer;
pub mod payload;
pub mod proto;
pub mod reach;
pub mod service;

pub use bounded::Bounded;
pub use fixture::Fixture;
pub use observer::Observer;
pub use reach::{Reach, Subject};
