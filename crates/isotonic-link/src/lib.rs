//! Links between processes of one machine: one stream type over shared memory, Unix sockets, pipes,
//! FIFOs and TCP, and the handshake that picks between the first two.
//!
//! A [`Connector`] makes links to an [`Address`], a [`Listener`] accepts them, [`spawn`](spawn()) starts
//! a server as a child process. A [`Link`] is a stream of tokio's; its [`LinkInfo`] tells what carries
//! it, who the peer is, and, where it is not shared memory, the [`Reason`].
//!
//! This crate knows nothing of gRPC: services use it through the `isotonic` crate.
#![forbid(unsafe_code)]

mod activity;
mod address;
mod ancillary;
mod connector;
#[cfg(target_os = "linux")]
mod cpus;
mod error;
mod fifo;
mod folder_lock;
mod foreign_descriptor;
#[cfg(all(target_os = "linux", any(test, fuzzing)))]
pub mod fuzzing;
mod handshake;
mod incident;
mod info;
#[cfg(target_os = "linux")]
mod late_doorbell;
pub mod limits;
mod link;
mod listener;
#[cfg(target_os = "linux")]
mod peer_process;
mod peer_socket;
mod plain_peers;
mod policy;
mod protocol;
mod quota;
#[cfg(target_os = "linux")]
mod readable;
mod reason;
#[cfg(target_os = "linux")]
mod record_socket;
mod retry;
#[cfg(target_os = "linux")]
mod shm_link;
mod spawn;
mod violation;
#[cfg(target_os = "linux")]
mod waiting;
#[cfg(target_os = "linux")]
mod waiting_tasks;
#[cfg(target_os = "linux")]
mod watched_socket;

pub use address::{Address, AddressError};
pub use connector::Connector;
pub use error::{BindError, ConnectError};
pub use incident::{Incident, Incidents};
pub use info::{LinkCounters, LinkInfo, LinkKind, PeerCredentials};
#[cfg(target_os = "linux")]
pub use isotonic_shm::{CapacityError, CreateError, RingCapacity, SegmentRefused};
pub use link::Link;
pub use listener::{Listener, ListenerBuilder};
pub use policy::{NotAdmitted, PeerPolicy};
pub use quota::Quota;
pub use reason::{Reason, Refusal, ShmMode};
pub use spawn::{ChildStdio, spawn};
pub use violation::Violation;
