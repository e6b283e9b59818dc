//! Connections that cannot be accepted wait until they can be.

use crate::calls::ACCEPT;
use crate::injection::Call;
use crate::panics::panics_so_far;
use crate::patience::{PATIENCE, within};
use crate::stage::{Stage, carry, open_descriptors, serve};
use crate::warnings::Warnings;
use isotonic_link::limits::ACCEPT_BACK_OFF;
use isotonic_link::{Connector, LinkInfo, Reason, ShmMode};
use rustix::io::Errno;
use std::thread;
use tokio::sync::oneshot;

/// What is warned of when the accept loop pauses after each failure, doubling up to a second: never more, even
/// if the test takes as long as it may.
fn most_pauses() -> usize {
    let (first, longest) = ACCEPT_BACK_OFF;
    let doublings = (longest.as_secs_f64() / first.as_secs_f64()).log2().ceil();
    doublings as usize + (PATIENCE.as_secs_f64() / longest.as_secs_f64()) as usize
}

/// A client connects while `call` fails for the server, which from then on works again, and is served in
/// the end. Returns the server's view of the link and the number of warnings.
fn served_later(stage: &mut Stage, call: Call, errno: Errno) -> (LinkInfo, usize) {
    let (panics, descriptors) = (panics_so_far(), open_descriptors());
    let warnings = Warnings::default();
    let (tell, connected) = oneshot::channel::<()>();
    let (server, listener) = (&stage.server, &mut stage.listener);
    let mut link = thread::scope(|scope| {
        // The runtime, and the accept loop in it, outlives the thread and the failure.
        scope.spawn(|| {
            call.fails_with(errno);
            let accepted = warnings.during(|| server.block_on(serve(listener, connected)));
            assert!(accepted.is_empty(), "{accepted:?}");
        });
        let connector = Connector::default();
        let connecting = within("a link", connector.connect(&stage.address));
        let link = stage.client.block_on(connecting).unwrap();
        drop(tell);
        link
    });
    // Nobody answered, and nobody refused.
    assert_eq!(link.info().reason(), Some(Reason::NoAnswer));
    let (leave, left) = oneshot::channel::<()>();
    let links = thread::scope(|scope| {
        let (server, listener) = (&stage.server, &mut stage.listener);
        let serving = scope.spawn(|| server.block_on(serve(listener, left)));
        stage.client.block_on(carry(&mut link)).unwrap();
        drop((link, leave));
        serving.join().unwrap()
    });
    assert_eq!(panics_so_far(), panics);
    stage.settles_to(descriptors);
    stage.serves_a_good_client();
    (links.last().unwrap().clone(), warnings.so_far())
}

#[test]
fn a_server_without_descriptors_or_memory_rests_and_serves_later() {
    let mut stage = Stage::new(ShmMode::Prefer);
    for errno in [
        Errno::MFILE,
        Errno::NFILE,
        Errno::NOMEM,
        Errno::NOBUFS,
        Errno::PERM,
    ] {
        let (link, warnings) = served_later(&mut stage, ACCEPT, errno);
        assert_eq!(link.reason(), Some(Reason::PeerIsPlainHttp2));
        assert!((1..=most_pauses()).contains(&warnings), "{warnings}");
    }
}

/// Connections that are gone already are nothing to warn of.
#[test]
fn a_server_whose_clients_are_gone_serves_the_next() {
    let mut stage = Stage::new(ShmMode::Prefer);
    for errno in [Errno::CONNABORTED, Errno::INTR] {
        let (link, warnings) = served_later(&mut stage, ACCEPT, errno);
        assert_eq!(link.reason(), Some(Reason::PeerIsPlainHttp2));
        assert_eq!(warnings, 0);
    }
}
