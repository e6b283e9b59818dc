//! The ring alone: what a frame costs to put in and take out, and a round trip between two threads that poll.
#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "criterion's macros make public items")]

use bytes::BufMut;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use isotonic_shm::{Consumer, OwnSegment, PeerSegment, Producer, RingCapacity, rings};
use std::hint::{black_box, spin_loop};
use std::io::IoSlice;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// Both ends of a connection with rings of 256 KiB.
fn connected() -> [(Producer, Consumer); 2] {
    let capacity = RingCapacity::new(256 * 1024).expect("a power of two");
    let (a, a_file) = OwnSegment::create(capacity).expect("memory");
    let (b, b_file) = OwnSegment::create(capacity).expect("memory");
    let map = |file| PeerSegment::map(file, capacity).expect("our own segment");
    [rings(a, map(b_file)), rings(b, map(a_file))]
}

fn write_all(producer: &mut Producer, bytes: &[u8]) {
    let mut sent = 0;
    while sent < bytes.len() {
        sent += producer
            .write_vectored(&[IoSlice::new(&bytes[sent..])])
            .expect("an honest peer");
    }
}

/// Reads exactly `target.len()` bytes, or stops when `stop` is set.
fn read_exact(consumer: &mut Consumer, target: &mut [u8], stop: &AtomicBool) -> bool {
    let mut read = 0;
    while read < target.len() {
        let n = consumer
            .read(&mut (&mut target[read..]))
            .expect("an honest peer");
        read += n;
        if n == 0 {
            if stop.load(Ordering::Relaxed) {
                return false;
            }
            spin_loop();
        }
    }
    true
}

fn copy_through(c: &mut Criterion) {
    let mut group = c.benchmark_group("write and read");
    for len in [64, 1024, 16 * 1024, 64 * 1024] {
        let [(mut producer, _), (_, mut consumer)] = connected();
        let bytes = vec![7; len];
        let mut target = Vec::with_capacity(len);
        group.throughput(Throughput::Bytes(len as u64));
        group.bench_function(BenchmarkId::from_parameter(len), |bencher| {
            bencher.iter(|| {
                write_all(&mut producer, black_box(&bytes));
                black_box(producer.must_wake_reader());
                target.clear();
                let read = consumer
                    .read(&mut (&mut target).limit(len))
                    .expect("an honest peer");
                assert_eq!(read, len);
                black_box(&target);
            });
        });
    }
    group.finish();
}

fn round_trip(c: &mut Criterion) {
    let [
        (mut producer, mut consumer),
        (mut echo_producer, mut echo_consumer),
    ] = connected();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut bytes = [0; 64];
            while read_exact(&mut echo_consumer, &mut bytes, &stop) {
                write_all(&mut echo_producer, &bytes);
            }
        });
        let mut bytes = [7; 64];
        c.bench_function(
            "round trip of 64 B between two polling threads",
            |bencher| {
                bencher.iter(|| {
                    write_all(&mut producer, &bytes);
                    assert!(read_exact(&mut consumer, &mut bytes, &stop));
                });
            },
        );
        stop.store(true, Ordering::Relaxed);
    });
}

criterion_group!(benches, copy_through, round_trip);
criterion_main!(benches);
