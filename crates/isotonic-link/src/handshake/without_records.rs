//! In place of `records` where this platform has no shared memory: nothing is offered, so that no peer agrees to it.

use super::{ClientFailure, ServerFailure, Settings};
use crate::peer_socket::PeerSocket;
use crate::{Link, LinkInfo, Reason};

/// What this side can do.
pub(super) const FEATURES: u32 = 0;

/// A server that agrees to what was not offered is broken.
pub(super) async fn connect(
    _: PeerSocket,
    _: LinkInfo,
    _: Settings,
    _: bool,
) -> Result<Link, ClientFailure> {
    Err(ClientFailure::PlainPeer { certain: true })
}

/// Not called: the answer to a hello never agrees on records here.
pub(super) async fn accept(
    _: PeerSocket,
    _: LinkInfo,
    _: Settings,
    _: bool,
) -> Result<Link, ServerFailure> {
    Err(ServerFailure::Required(Reason::Unsupported))
}
