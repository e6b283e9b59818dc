//! In place of `records` where this platform has no shared memory: nothing is offered, so that no peer agrees to it.

use super::{ClientFailure, ServerFailure, Settings};
use crate::quota::Place;
use crate::{Link, LinkInfo, Reason};
use std::sync::Arc;
use tokio::net::UnixStream;

/// What this side can do.
pub(super) const FEATURES: u32 = 0;

/// A server that agrees to what was not offered is broken.
pub(super) async fn connect(
    _: UnixStream,
    _: LinkInfo,
    _: Settings,
    _: bool,
) -> Result<Link, ClientFailure> {
    Err(ClientFailure::PlainPeer { certain: true })
}

/// Not called: the answer to a hello never agrees on records here.
pub(super) async fn accept(
    _: UnixStream,
    _: LinkInfo,
    _: Settings,
    _: bool,
    _: Option<Arc<Place>>,
) -> Result<Link, ServerFailure> {
    Err(ServerFailure::Required(Reason::Unsupported))
}
