//! Connecting: from nothing to the first byte that came back, and the end of the link.
#![cfg(target_os = "linux")]
#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "criterion's macros make public items")]

mod echo;

use criterion::{Criterion, criterion_group, criterion_main};
use echo::{EchoServer, round_trip, runtime};
use isotonic_link::{LinkKind, ShmMode};

fn connect(c: &mut Criterion) {
    let server = EchoServer::start();
    let runtime = runtime();
    let mut group = c.benchmark_group("connect, one byte there and back");
    for (name, mode, kind) in [
        ("no handshake", ShmMode::Off, LinkKind::Uds),
        // A link that has carried one byte has not earned shared memory yet.
        (
            "handshake, still on the socket",
            ShmMode::Prefer,
            LinkKind::Uds,
        ),
        (
            "handshake and shared memory",
            ShmMode::Require,
            LinkKind::Shm,
        ),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                runtime.block_on(async {
                    let mut link = server.connect(mode).await;
                    round_trip(&mut link).await;
                    assert_eq!(link.info().kind(), kind);
                });
            });
        });
    }
    group.finish();
}

criterion_group!(benches, connect);
criterion_main!(benches);
