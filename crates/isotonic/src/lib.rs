//! A local transport for gRPC: unmodified tonic services of one machine talk through shared memory.
//!
//! Change one line in the client and one in the server; the generated code and the service stay as they
//! are. Where shared memory cannot be used, the link is the Unix socket itself, a pipe, or TCP, and
//! [`LinkInfo`] tells the [`Reason`].
//!
//! The client:
//!
//! ```
//! # async fn client() -> Result<(), isotonic::Error> {
//! let channel = isotonic::connect("unix:/run/orders.sock").await?;
//! // let client = OrdersClient::new(channel);
//! # Ok(())
//! # }
//! ```
//!
//! The server:
//!
//! ```
//! # async fn server(orders: tonic::service::Routes) -> Result<(), Box<dyn std::error::Error>> {
//! let incoming = isotonic::Incoming::bind("unix:/run/orders.sock").await?;
//! tonic::transport::Server::builder()
//!     .serve_with_incoming(orders.prepare(), incoming)
//!     .await?;
//! # Ok(())
//! # }
//! ```
//!
//! - [`Connector`] is the client's side for those who build their own
//!   [`Endpoint`](tonic::transport::Endpoint): lazily, with a fallback to TCP, with shared memory
//!   required, or to ask afterwards which links were made.
//! - [`Incoming`] is the server's side; its sockets serve stock gRPC clients of any language too.
//! - A service finds the [`LinkInfo`] of a call's connection in the request's extensions.
//! - [`spawn`](spawn()) starts a service as a child process and talks to it over its standard input.
//! - [`tune_endpoint`] and [`tune_server`] are the HTTP/2 settings that suit local links.
#![forbid(unsafe_code)]

/// Compiles what README shows.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

mod connect;
mod connector;
mod incoming;
mod links;
mod tuning;

pub use connect::{Error, Spawned, connect, connect_lazy, spawn};
pub use connector::Connector;
pub use incoming::{Incoming, IncomingLink};
pub use links::Links;
pub use tuning::{tune_endpoint, tune_server};

pub use isotonic_link::{
    Address, AddressError, BindError, ChildStdio, ConnectError, Incident, Incidents, Link,
    LinkCounters, LinkInfo, LinkKind, Listener, ListenerBuilder, NotAdmitted, PeerCredentials,
    PeerPolicy, Quota, Reason, Refusal, ShmMode, Violation, limits,
};
#[cfg(target_os = "linux")]
pub use isotonic_link::{CapacityError, CreateError, SegmentRefused};
