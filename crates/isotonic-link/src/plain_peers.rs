//! Remembering which servers speak plain HTTP/2, so that they are not asked again at each reconnect.

use crate::Address;
use crate::limits::{MAX_PLAIN_PEERS, PLAIN_PEER_MEMORY};
use std::os::unix::fs::MetadataExt;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// A server as far as it can be recognised: a restarted one has a new socket file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    address: Address,
    /// Device, inode and time of the last change (ns) of the socket file: inode numbers are used again.
    /// Abstract sockets have none.
    file: Option<(u64, u64, i64, i64)>,
}

impl Identity {
    pub(crate) fn of(address: &Address) -> Self {
        let file = match address {
            Address::Unix(path) => std::fs::metadata(path)
                .ok()
                .map(|meta| (meta.dev(), meta.ino(), meta.ctime(), meta.ctime_nsec())),
            _ => None,
        };
        Self {
            address: address.clone(),
            file,
        }
    }
}

/// The plain servers met lately: at most [`MAX_PLAIN_PEERS`], for [`PLAIN_PEER_MEMORY`] each.
#[derive(Debug, Default)]
pub(crate) struct PlainPeers(Mutex<Vec<(Identity, Instant)>>);

impl PlainPeers {
    pub(crate) fn contains(&self, server: &Identity, now: Instant) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(_, since)| now.saturating_duration_since(*since) < PLAIN_PEER_MEMORY);
        known.iter().any(|(identity, _)| identity == server)
    }

    pub(crate) fn remember(&self, server: Identity, now: Instant) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(identity, _)| *identity != server);
        if known.len() == MAX_PLAIN_PEERS {
            known.remove(0);
        }
        known.push((server, now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(name: &str) -> Identity {
        Identity::of(&Address::UnixAbstract(name.into()))
    }

    #[test]
    fn a_plain_peer_is_remembered_for_a_while() {
        let (peers, now) = (PlainPeers::default(), Instant::now());
        assert!(!peers.contains(&server("a"), now));
        peers.remember(server("a"), now);
        assert!(peers.contains(&server("a"), now));
        assert!(!peers.contains(&server("b"), now));
        assert!(!peers.contains(&server("a"), now + PLAIN_PEER_MEMORY));
    }

    #[test]
    fn the_oldest_is_forgotten_first() {
        let (peers, now) = (PlainPeers::default(), Instant::now());
        for i in 0..=MAX_PLAIN_PEERS {
            peers.remember(server(&i.to_string()), now);
        }
        assert!(!peers.contains(&server("0"), now));
        assert!(peers.contains(&server("1"), now));
    }

    #[test]
    fn a_new_socket_file_is_a_new_server() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        std::fs::write(&path, "").unwrap();
        let before = Identity::of(&Address::Unix(path.clone()));
        let keeps_the_inode_in_use = std::fs::File::open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "").unwrap();
        assert_ne!(Identity::of(&Address::Unix(path)), before);
        drop(keeps_the_inode_in_use);
    }
}
