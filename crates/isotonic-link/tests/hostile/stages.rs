//! The points of a connection's life at which a peer can misbehave, and what the other side has to make
//! of it.

use crate::alone::alone;
use crate::echo_server::survives;
use crate::raw_peer::{ATTACH, ATTACHED, MOVED, RawPeer, attachment, record, welcome};
use crate::records_to_a_client::{against, assert_not_attached, read_to_end, reason_of};
use crate::records_to_a_server::{attach, move_over};
use crate::segments::{CAPACITY, good_segment};
use isotonic_link::ShmMode;
use std::io::ErrorKind;
use std::os::fd::AsFd;

/// How far a client has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClientStage {
    Greeted,
    /// Both segments are mapped, but bytes still come over the socket.
    Attached,
    InMemory,
}

impl ClientStage {
    pub(crate) const ALL: [Self; 3] = [Self::Greeted, Self::Attached, Self::InMemory];

    fn reach(self, client: &RawPeer) {
        client.shake_hands();
        match self {
            Self::Greeted => {}
            Self::Attached => attach(client, &good_segment()),
            Self::InMemory => move_over(client, &good_segment()),
        }
    }
}

/// How far a server has come with its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ServerStage {
    Greeted,
    /// The client has sent its segment and waits for ours.
    Offered,
    /// The client sends through memory, and waits for us to do the same.
    Moving,
    InMemory,
}

impl ServerStage {
    pub(crate) const ALL: [Self; 4] = [Self::Greeted, Self::Offered, Self::Moving, Self::InMemory];

    fn reach(self, server: &RawPeer) {
        server.send(&welcome(1, 0, 1));
        if self == Self::Greeted {
            return;
        }
        assert_eq!(server.receive_step().kind, ATTACH);
        if self == Self::Offered {
            return;
        }
        server.send_with(&attachment(ATTACHED, CAPACITY), &[good_segment().as_fd()]);
        assert_eq!(server.receive_step().kind, MOVED);
        if self == Self::InMemory {
            server.send(&record(MOVED, &[]));
        }
    }

    /// A client that requires shared memory offers its segment at once.
    fn mode(self) -> ShmMode {
        match self {
            Self::Greeted => ShmMode::Prefer,
            Self::Offered | Self::Moving | Self::InMemory => ShmMode::Require,
        }
    }
}

/// A server closes the connection of a client that does this, and tells that it broke the protocol.
pub(crate) fn a_server_closes(stage: ClientStage, offend: impl Fn(&RawPeer)) {
    alone(|| {
        survives(async |server, client| {
            stage.reach(&client);
            offend(&client);
            client.is_closed_by_the_other_side();
            server.next_end_is(ErrorKind::InvalidData).await;
        })
    });
}

/// A client closes the connection to a server that does this, and tells that it broke the protocol, or
/// that it did not get into shared memory.
pub(crate) fn a_client_closes(stage: ServerStage, offend: impl Fn(&RawPeer) + Send + 'static) {
    a_client_fails(stage, ErrorKind::InvalidData, move |peer| {
        offend(&peer);
        peer.is_closed_by_the_other_side();
        peer
    });
}

/// A server sees that a client that does this, and goes, did not end its link.
pub(crate) fn a_server_sees_a_reset(stage: ClientStage, last: impl Fn(&RawPeer)) {
    alone(|| {
        survives(async |server, client| {
            stage.reach(&client);
            last(&client);
            drop(client);
            let error = server.next_end().await.result.unwrap_err();
            // It notices while it reads, or while it sends back what came before.
            let kinds = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe];
            assert!(kinds.contains(&error.kind()), "{error}");
        })
    });
}

/// A client sees that a server that does this, and goes, did not end its link.
pub(crate) fn a_client_sees_a_reset(stage: ServerStage, last: impl Fn(&RawPeer) + Send + 'static) {
    a_client_fails(stage, ErrorKind::ConnectionReset, move |peer| last(&peer));
}

fn a_client_fails<T: Send + 'static>(
    stage: ServerStage,
    kind: ErrorKind,
    misdeed: impl FnOnce(RawPeer) -> T + Send + 'static,
) {
    let serve = move |peer: RawPeer| {
        stage.reach(&peer);
        misdeed(peer)
    };
    against(stage.mode(), serve, async |link| {
        if stage == ServerStage::Offered {
            assert_not_attached(&reason_of(link));
        } else {
            assert_eq!(read_to_end(link).await.unwrap_err().kind(), kind);
        }
    });
}
