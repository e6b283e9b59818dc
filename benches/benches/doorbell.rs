//! The doorbell: what it costs to ask whether one is needed, and what a byte there and back costs over links that
//! sleep each time, compared with the same links while they poll, and with the socket alone.
#![cfg(target_os = "linux")]
#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "criterion's macros make public items")]

mod echo;

use criterion::{Criterion, criterion_group, criterion_main};
use echo::{EchoServer, round_trip, runtime};
use isotonic_link::ShmMode;
use isotonic_shm::{OwnSegment, PeerSegment, RingCapacity, rings};
use rustix::process::getpid;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::hint::black_box;

/// What every write and every sleep pays, whether or not a doorbell is sent.
fn asking(c: &mut Criterion) {
    let capacity = RingCapacity::new(4096).expect("a power of two");
    let (a, a_file) = OwnSegment::create(capacity).expect("memory");
    let (b, b_file) = OwnSegment::create(capacity).expect("memory");
    let map = |file| PeerSegment::map(file, capacity).expect("our own segment");
    let (mut producer, _) = rings(a, map(b_file));
    let (_, mut consumer) = rings(b, map(a_file));
    c.bench_function("a writer asks whether an awake reader sleeps", |bencher| {
        bencher.iter(|| assert!(!black_box(producer.must_wake_reader())));
    });
    c.bench_function("a reader falls asleep, is seen, and wakes", |bencher| {
        bencher.iter(|| {
            assert!(consumer.announce_sleep().expect("an honest peer"));
            assert!(producer.must_wake_reader());
            consumer.awake();
        });
    });
}

fn one_byte(c: &mut Criterion) {
    let mut group = c.benchmark_group("one byte there and back");
    let mut measure = |name, mode| {
        let server = EchoServer::start();
        let runtime = runtime();
        let mut link = runtime.block_on(server.connect(mode));
        group.bench_function(name, |bencher| {
            bencher.iter(|| runtime.block_on(round_trip(&mut link)));
        });
    };
    measure("the socket alone", ShmMode::Off);
    measure("rings, both sides polling", ShmMode::Require);
    // A link polls only in a process that may use several CPUs, and asks the main thread, which this is. Threads
    // that start meanwhile are on this CPU, too: as when a machine has no other.
    let before = sched_getaffinity(None).expect("our own CPUs");
    sched_setaffinity(None, &first_of(&before)).expect("one of our own CPUs");
    assert!(sched_getaffinity(Some(getpid())).is_ok_and(|cpus| cpus.count() == 1));
    measure("the socket alone, on one CPU", ShmMode::Off);
    measure("rings, both sides sleeping, on one CPU", ShmMode::Require);
    sched_setaffinity(None, &before).expect("the CPUs from before");
    group.finish();
}

fn first_of(cpus: &CpuSet) -> CpuSet {
    let mut first = CpuSet::new();
    let cpu = (0..CpuSet::MAX_CPU).find(|&cpu| cpus.is_set(cpu));
    first.set(cpu.expect("at least one CPU"));
    first
}

criterion_group!(benches, asking, one_byte);
criterion_main!(benches);
