//! What follows a `Welcome` that agreed on records, where this platform has shared memory.

use super::{ClientFailure, ServerFailure, Settings};
use crate::peer_socket::PeerSocket;
use crate::protocol::attachment::Role;
use crate::protocol::hello::feature;
use crate::shm_link::ShmLink;
use crate::{Link, LinkInfo, ShmMode};

/// What this side can do.
pub(super) const FEATURES: u32 = feature::SHM;

/// The client's link. It has moved into shared memory if either side requires it.
pub(super) async fn connect(
    stream: PeerSocket,
    info: LinkInfo,
    settings: Settings,
    attach_now: bool,
) -> Result<Link, ClientFailure> {
    let mut link = ShmLink::new(stream, Role::Client, settings.shm, info.clone());
    // Whichever side requires it would close the link otherwise.
    if attach_now || settings.mode == ShmMode::Require {
        link.attach_now().await.map_err(ClientFailure::Required)?;
    }
    Ok(Link::shm(link, info))
}

/// The server's link. It has moved into shared memory if either side requires it.
pub(super) async fn accept(
    stream: PeerSocket,
    info: LinkInfo,
    settings: Settings,
    attach_now: bool,
) -> Result<Link, ServerFailure> {
    let mut link = ShmLink::new(stream, Role::Server, settings.shm, info.clone());
    if attach_now {
        link.attach_now().await.map_err(ServerFailure::Required)?;
    }
    Ok(Link::shm(link, info))
}
