//! Whom to talk to over a Unix socket.

use crate::PeerCredentials;

/// What the kernel shows for a user who does not exist in our user namespace
/// (`/proc/sys/kernel/overflowuid`, user_namespaces(7)).
const UNMAPPED_UID: u32 = 65534;

/// Which peers a side talks to, by the user id that the kernel vouches for. Users that are not mapped
/// into our user namespace (uid 65534) are never admitted: they cannot be told apart.
///
/// ```
/// use isotonic_link::PeerPolicy;
/// let policy = PeerPolicy::Users(vec![1000, 1001]);
/// assert_ne!(policy, PeerPolicy::default());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum PeerPolicy {
    /// Our own effective user, and root.
    #[default]
    SameUserOrRoot,
    /// These users only.
    Users(Vec<u32>),
    /// Every user of this machine: whoever can reach the socket.
    AnyUser,
}

/// A peer that the policy does not admit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the peer runs as user {uid}, which the peer policy does not admit (this process runs as user {own})"
)]
pub struct NotAdmitted {
    /// The peer's user id.
    pub uid: u32,
    /// Our own effective user id.
    pub own: u32,
}

impl PeerPolicy {
    pub(crate) fn check(&self, peer: PeerCredentials) -> Result<(), NotAdmitted> {
        self.check_for(peer.uid, rustix::process::geteuid().as_raw())
    }

    fn check_for(&self, uid: u32, own: u32) -> Result<(), NotAdmitted> {
        let admitted = match self {
            _ if uid == UNMAPPED_UID => false,
            Self::SameUserOrRoot => uid == own || uid == 0,
            Self::Users(users) => users.contains(&uid),
            Self::AnyUser => true,
        };
        if admitted {
            Ok(())
        } else {
            Err(NotAdmitted { uid, own })
        }
    }

    /// The permissions of a socket file under this policy: other users need to reach the socket only
    /// where the policy can admit them.
    pub(crate) fn socket_mode(&self) -> u32 {
        match self {
            Self::SameUserOrRoot => 0o600,
            Self::Users(_) | Self::AnyUser => 0o666,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_policy_admits_whom_it_says() {
        let admitted = |policy: &PeerPolicy| -> Vec<u32> {
            [0, 1000, 1001, 65534]
                .into_iter()
                .filter(|&uid| policy.check_for(uid, 1000).is_ok())
                .collect()
        };
        assert_eq!(admitted(&PeerPolicy::SameUserOrRoot), [0, 1000]);
        assert_eq!(admitted(&PeerPolicy::Users(vec![1001, 65534])), [1001]);
        assert_eq!(admitted(&PeerPolicy::AnyUser), [0, 1000, 1001]);
    }
}
