//! Each behaviour of the ring on its own.

use super::pair::connected;
use super::*;

fn write(producer: &mut Producer, bytes: &[u8]) -> usize {
    producer.write_vectored(&[IoSlice::new(bytes)]).unwrap()
}

fn read(consumer: &mut Consumer, most: usize) -> Vec<u8> {
    let mut target = Vec::new().limit(most);
    consumer.read(&mut target).unwrap();
    target.into_inner()
}

#[test]
fn bytes_come_out_as_they_went_in_across_the_wrap() {
    let (mut a, mut b) = connected(4096);
    let mut sent = 0u32;
    let mut received = 0u32;
    for round in 0..2000 {
        let bytes: Vec<u8> = (0..round % 97).map(|i| (sent + i) as u8).collect();
        let (first, second) = bytes.split_at(bytes.len() / 3);
        let slices = [IoSlice::new(first), IoSlice::new(&[]), IoSlice::new(second)];
        assert_eq!(a.producer.write_vectored(&slices).unwrap(), bytes.len());
        sent += bytes.len() as u32;
        while received < sent {
            for byte in read(&mut b.consumer, 31) {
                assert_eq!(byte, received as u8);
                received += 1;
            }
        }
    }
    assert_eq!(a.producer.produced(), u64::from(sent));
    assert_eq!(b.consumer.consumed(), u64::from(received));
    assert!(sent > 4 * 4096, "the ring did not wrap");
}

/// Long enough for every kind of store (`stores`) to have its turn.
#[test]
fn large_writes_come_out_as_they_went_in_whatever_stores_they_took() {
    let (mut a, mut b) = connected(64 * 1024);
    let bytes: Vec<u8> = (0..40_000u32).map(|i| (i % 251) as u8).collect();
    for round in 0..1000 {
        let sent = &bytes[round..30_000 + 7 * round];
        assert_eq!(write(&mut a.producer, sent), sent.len());
        assert_eq!(read(&mut b.consumer, sent.len()), sent, "round {round}");
    }
}

#[test]
fn a_full_ring_takes_no_more_and_a_partial_write_says_how_much() {
    let (mut a, mut b) = connected(4096);
    assert_eq!(write(&mut a.producer, &[1; 4000]), 4000);
    assert_eq!(write(&mut a.producer, &[2; 4000]), 96);
    assert_eq!(write(&mut a.producer, &[3; 1]), 0);
    assert_eq!(read(&mut b.consumer, 4000), [1; 4000]);
    assert_eq!(write(&mut a.producer, &[4; 5000]), 4000);
    let rest = read(&mut b.consumer, 10_000);
    assert_eq!(rest, [[2; 96].as_slice(), [4; 4000].as_slice()].concat());
    assert_eq!(read(&mut b.consumer, 1), []);
}

#[test]
fn what_can_be_read_is_looked_up_anew() {
    let (mut a, mut b) = connected(4096);
    assert_eq!(b.consumer.readable().unwrap(), 0);
    write(&mut a.producer, &[1; 100]);
    assert_eq!(b.consumer.readable().unwrap(), 100);
    assert_eq!(read(&mut b.consumer, 40).len(), 40);
    write(&mut a.producer, &[2; 10]);
    assert_eq!(b.consumer.readable().unwrap(), 70);
}

#[test]
fn a_sleeping_reader_is_rung_once_per_sleep() {
    let (mut a, mut b) = connected(4096);
    write(&mut a.producer, b"x");
    assert!(!a.producer.must_wake_reader(), "the reader is awake");
    assert!(
        !b.consumer.announce_sleep().unwrap(),
        "there is a byte to read"
    );
    b.consumer.awake();
    read(&mut b.consumer, 1);
    for _ in 0..3 {
        assert!(b.consumer.announce_sleep().unwrap());
        write(&mut a.producer, b"y");
        assert!(a.producer.must_wake_reader());
        write(&mut a.producer, b"z");
        assert!(!a.producer.must_wake_reader(), "rung already");
        b.consumer.awake();
        assert_eq!(read(&mut b.consumer, 9), b"yz");
    }
}

#[test]
fn announcing_again_without_waking_counts_as_a_new_sleep() {
    let (mut a, mut b) = connected(4096);
    assert!(b.consumer.announce_sleep().unwrap());
    write(&mut a.producer, b"x");
    assert!(a.producer.must_wake_reader());
    assert_eq!(read(&mut b.consumer, 1), b"x");
    assert!(b.consumer.announce_sleep().unwrap());
    write(&mut a.producer, b"y");
    assert!(a.producer.must_wake_reader());
}

#[test]
fn a_sleeping_writer_is_rung_when_half_of_the_ring_is_free() {
    let (mut a, mut b) = connected(4096);
    write(&mut a.producer, &[0; 4096]);
    assert!(a.producer.announce_sleep().unwrap());
    read(&mut b.consumer, 2047);
    assert!(!b.consumer.must_wake_writer());
    read(&mut b.consumer, 1);
    assert!(b.consumer.must_wake_writer());
    read(&mut b.consumer, 1);
    assert!(!b.consumer.must_wake_writer(), "rung already");
    a.producer.awake();
    assert_eq!(write(&mut a.producer, &[0; 4096]), 2049);
}

#[test]
fn impossible_indices_are_refused() {
    // The peer is `b`; it writes into its own header what no correct peer would.
    for claimed in [4097, u64::MAX, 1 << 63, 99u64.wrapping_neg()] {
        let (mut a, b) = connected(4096);
        b.producer.own.publish(Word::Produced, claimed);
        let violation = RingViolation::Produced {
            claimed,
            least: 0,
            most: 4096,
        };
        assert_eq!(a.consumer.read(&mut Vec::new()), Err(violation));
        assert_eq!(a.consumer.announce_sleep(), Err(violation));
    }
    for claimed in [11, u64::MAX] {
        let (mut a, b) = connected(4096);
        write(&mut a.producer, &[0; 10]);
        b.consumer.own.publish(Word::Consumed, claimed);
        let violation = RingViolation::Consumed {
            claimed,
            least: 0,
            most: 10,
        };
        assert_eq!(
            a.producer.write_vectored(&[IoSlice::new(&[0; 4096])]),
            Err(violation)
        );
    }
}

#[test]
fn an_index_that_goes_backwards_is_refused() {
    let (mut a, mut b) = connected(4096);
    write(&mut b.producer, &[0; 100]);
    assert_eq!(read(&mut a.consumer, 50).len(), 50);
    b.producer.own.publish(Word::Produced, 99);
    let violation = RingViolation::Produced {
        claimed: 99,
        least: 100,
        most: 4146,
    };
    assert_eq!(a.consumer.read(&mut Vec::new()), Err(violation));
}
