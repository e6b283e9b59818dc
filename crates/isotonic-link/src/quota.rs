//! What one user may have of a listener, so that no user's clients use up what others need.

use crate::limits::{
    MAX_CONNECTIONS_PER_USER, MAX_MAPPED_PER_USER, MAX_UNFINISHED_HANDSHAKES_PER_USER,
};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What the clients of one user may have of one [`Listener`](crate::Listener) at a time, over Unix
/// sockets; the user is the one that the kernel vouches for. (The peers of TCP, pipes and FIFOs cannot
/// be told apart and have no shared memory.)
///
/// ```
/// use isotonic_link::{Listener, Quota};
/// let builder = Listener::builder().quota(Quota { connections: 10_000, ..Quota::default() });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Connections. More are turned away. Default:
    /// [`MAX_CONNECTIONS_PER_USER`](crate::limits::MAX_CONNECTIONS_PER_USER).
    pub connections: usize,
    /// Connections whose handshake has not finished, or whose link waits for a place among those that
    /// [`Listener::accept`](crate::Listener::accept) has not taken. More wait; with 0, all do. Default:
    /// [`MAX_UNFINISHED_HANDSHAKES_PER_USER`](crate::limits::MAX_UNFINISHED_HANDSHAKES_PER_USER).
    pub unfinished_handshakes: usize,
    /// Bytes of shared memory, both rings of each link counted. Links for which there is no more stay
    /// on the socket. Default: [`MAX_MAPPED_PER_USER`](crate::limits::MAX_MAPPED_PER_USER).
    pub mapped_bytes: u64,
}

impl Default for Quota {
    fn default() -> Self {
        Self {
            connections: MAX_CONNECTIONS_PER_USER,
            unfinished_handshakes: MAX_UNFINISHED_HANDSHAKES_PER_USER,
            mapped_bytes: MAX_MAPPED_PER_USER,
        }
    }
}

/// The shares of all users of a listener.
#[derive(Debug)]
pub(crate) struct Shares {
    quota: Quota,
    /// Of the users that have connections now.
    users: Mutex<HashMap<u32, Weak<Share>>>,
}

/// What one user has left.
#[derive(Debug)]
struct Share {
    connections: Arc<Semaphore>,
    handshakes: Arc<Semaphore>,
    memory: Memory,
}

/// One of the connections that a user may have; given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    _connection: OwnedSemaphorePermit,
    share: Arc<Share>,
}

impl Shares {
    pub(crate) fn new(quota: Quota) -> Self {
        Self {
            quota,
            users: Mutex::default(),
        }
    }

    /// A place for one more connection of this user; `None` if it has no more.
    pub(crate) fn place(&self, uid: u32) -> Option<Place> {
        let share = self.share(uid);
        let connection = Arc::clone(&share.connections).try_acquire_owned().ok()?;
        Some(Place {
            _connection: connection,
            share,
        })
    }

    fn share(&self, uid: u32) -> Arc<Share> {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(share) = users.get(&uid).and_then(Weak::upgrade) {
            return share;
        }
        // A new user: a good moment to forget those that have left.
        users.retain(|_, share| share.strong_count() > 0);
        let share = Arc::new(Share::new(self.quota));
        users.insert(uid, Arc::downgrade(&share));
        share
    }
}

impl Share {
    fn new(quota: Quota) -> Self {
        let semaphore =
            |permits: usize| Arc::new(Semaphore::new(permits.min(Semaphore::MAX_PERMITS)));
        Self {
            connections: semaphore(quota.connections),
            handshakes: semaphore(quota.unfinished_handshakes),
            memory: Memory::new(quota.mapped_bytes),
        }
    }
}

impl Place {
    /// Waits until this user may begin another handshake.
    pub(crate) async fn handshake(&self) -> Option<OwnedSemaphorePermit> {
        // An error would mean that the semaphore was closed, which nobody does.
        Arc::clone(&self.share.handshakes)
            .acquire_owned()
            .await
            .ok()
    }

    /// The memory that this user has left.
    pub(crate) fn memory(&self) -> Memory {
        self.share.memory.clone()
    }
}

/// The shared memory that a user has left.
#[derive(Debug, Clone)]
pub(crate) struct Memory {
    left: Arc<Semaphore>,
    quota: u64,
}

/// Some of a user's memory; given back when dropped.
#[derive(Debug)]
pub(crate) struct Mapped {
    _bytes: OwnedSemaphorePermit,
}

/// What memory is counted in, in bytes: a semaphore has fewer permits than a machine may have bytes.
const UNIT: u64 = 4096;

impl Memory {
    pub(crate) fn new(quota: u64) -> Self {
        let units = usize::try_from(quota / UNIT).unwrap_or(usize::MAX);
        Self {
            left: Arc::new(Semaphore::new(units.min(Semaphore::MAX_PERMITS))),
            quota,
        }
    }

    /// Takes this many bytes, rounded up to whole pages; `None` if there are not as many left.
    pub(crate) fn take(&self, bytes: u64) -> Option<Mapped> {
        let units = u32::try_from(bytes.div_ceil(UNIT)).ok()?;
        let bytes = Arc::clone(&self.left).try_acquire_many_owned(units).ok()?;
        Some(Mapped { _bytes: bytes })
    }

    /// How much it was to begin with, in bytes.
    pub(crate) fn quota(&self) -> u64 {
        self.quota
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Quota = Quota {
        connections: 2,
        unfinished_handshakes: 1,
        mapped_bytes: 3 * UNIT,
    };

    #[test]
    fn each_user_has_places_of_its_own_and_gets_them_back() {
        let shares = Shares::new(SMALL);
        let places = [shares.place(1).unwrap(), shares.place(1).unwrap()];
        assert!(shares.place(1).is_none());
        assert!(shares.place(2).is_some());
        drop(places);
        assert!(shares.place(1).is_some());
    }

    #[test]
    fn memory_is_shared_by_a_users_connections_and_given_back() {
        let shares = Shares::new(SMALL);
        let (a, b) = (shares.place(1).unwrap(), shares.place(1).unwrap());
        let taken = a.memory().take(UNIT + 1).unwrap();
        assert!(b.memory().take(2 * UNIT).is_none());
        assert!(b.memory().take(UNIT).is_some());
        drop(taken);
        assert!(b.memory().take(3 * UNIT).is_some());
        assert!(b.memory().take(u64::MAX).is_none());
    }

    #[test]
    fn users_that_have_left_are_forgotten() {
        let shares = Shares::new(SMALL);
        for uid in 0..100 {
            drop(shares.place(uid));
        }
        assert_eq!(shares.users.lock().unwrap().len(), 1);
    }
}
