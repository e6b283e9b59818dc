//! What the models do. Each scenario is one execution; the checkers run it again and again.

use super::product::ring::Producer;
use super::reader::Reader;
use super::runtime::thread;
use super::segment::connected;
use super::socket::socket;
use super::two_tasks::TwoTasks;
use super::writer::Writer;
use bytes::BufMut;
use std::io::IoSlice;

/// One side writes and the other reads, `attempts` times each and whatever comes of it, in a ring of
/// two bytes: it is full and empty in turn, and every second position wraps.
pub fn publish_and_consume(attempts: usize) {
    let (a, b) = connected(2);
    let (mut producer, mut consumer) = (a.producer, b.consumer);
    let writer = thread::spawn(move || {
        let mut written = 0;
        for _ in 0..attempts {
            let bytes = [written as u8, written as u8 + 1];
            let slices = bytes
                .each_ref()
                .map(|byte| IoSlice::new(std::slice::from_ref(byte)));
            written += producer.write_vectored(&slices).expect("a correct index");
        }
        written
    });
    let mut received = Vec::new();
    for attempt in 0..attempts {
        // One byte or two, so that a read also goes on from an earlier look.
        let mut target = (&mut received).limit(1 + attempt % 2);
        consumer.read(&mut target).expect("a correct index");
    }
    let written = writer.join().expect("the writer's thread");
    consumer.read(&mut received).expect("a correct index");
    assert_eq!(received, sequence(written), "bytes as they were written");
}

/// A reader that sleeps whenever there is nothing gets `bytes` bytes, one by one. There is always
/// space for them.
pub fn sleeping_reader(bytes: usize) {
    let (mut writer, mut reader) = link(bytes.next_power_of_two());
    let writing = thread::spawn(move || {
        for byte in sequence(bytes) {
            writer.write_all(&[byte]).expect("a reader that stays");
        }
        writer
    });
    assert_eq!(read_exactly(&mut reader, bytes, 2), sequence(bytes));
    writing.join().expect("the writer's thread");
}

/// A writer that sleeps whenever the ring is full puts `bytes` bytes through a ring of two. The reader
/// sleeps too.
pub fn sleeping_writer(bytes: usize) {
    let (mut writer, mut reader) = link(2);
    writer.write_all(&sequence(2)).expect("space for two");
    let writing = thread::spawn(move || {
        writer
            .write_all(&sequence(bytes)[2..])
            .expect("a reader that stays");
        writer
    });
    assert_eq!(read_exactly(&mut reader, bytes, 1), sequence(bytes));
    writing.join().expect("the writer's thread");
}

/// The writer closes while the reader sleeps: first comes what was written, then the end.
pub fn close_to_a_sleeping_reader(bytes: usize) {
    let (mut writer, mut reader) = link(bytes.next_power_of_two());
    let writing = thread::spawn(move || {
        let all = sequence(bytes);
        let (last, before) = all.split_last().expect("at least one");
        for byte in before {
            writer.write_all(&[*byte]).expect("a reader that stays");
        }
        writer.close_after(&[*last]);
        writer
    });
    let mut received = Vec::new();
    loop {
        let bytes = reader.read(1);
        if bytes.is_empty() {
            break;
        }
        received.extend(bytes);
    }
    assert_eq!(received, sequence(bytes));
    writing.join().expect("the writer's thread");
}

/// The reader leaves after `bytes` bytes while the writer sleeps for space: the writer hears of it.
pub fn reader_leaves_a_sleeping_writer(bytes: usize) {
    let (mut writer, mut reader) = link(2);
    writer.write_all(&sequence(2)).expect("space for two");
    let writing = thread::spawn(move || {
        // More than there will ever be space for.
        let all = sequence(bytes + 3);
        writer.write_all(&all[2..]).expect_err("the reader leaves");
        writer
    });
    assert_eq!(read_exactly(&mut reader, bytes, 1), sequence(bytes));
    reader.leave();
    writing.join().expect("the writer's thread");
}

/// A reading and a writing task of one side share its socket. The reader waits for `bytes` bytes and the
/// writer for as much space; the peer gives both, and rings for whichever sleeps.
pub fn two_tasks_on_one_socket(bytes: usize) {
    let (a, mut b) = connected(bytes.next_power_of_two());
    let full = sequence(bytes.next_power_of_two());
    write(&mut b.producer, &full);
    let tasks = TwoTasks::new(b);
    let doorbell = tasks.doorbell();
    let peer = thread::spawn(move || {
        let (mut producer, mut consumer) = (a.producer, a.consumer);
        for byte in sequence(bytes) {
            write(&mut producer, &[byte]);
            if producer.must_wake_reader() {
                doorbell.ring();
            }
            consumer
                .read(&mut Vec::new().limit(1))
                .expect("a correct index");
            if consumer.must_wake_writer() {
                doorbell.ring();
            }
        }
    });
    let reading = thread::spawn({
        let tasks = tasks.clone();
        move || {
            for byte in sequence(bytes) {
                assert_eq!(tasks.read_byte(), byte);
            }
        }
    });
    for byte in sequence(bytes) {
        tasks.write_byte(byte);
    }
    peer.join().expect("the peer's thread");
    reading.join().expect("the reader's thread");
}

fn write(producer: &mut Producer, bytes: &[u8]) {
    let written = producer.write_vectored(&[IoSlice::new(bytes)]);
    assert_eq!(written, Ok(bytes.len()), "space for all of them");
}

/// The two ends of one direction of a link.
fn link(capacity: usize) -> (Writer, Reader) {
    let (a, b) = connected(capacity);
    let (to_reader, from_writer) = socket();
    let (to_writer, from_reader) = socket();
    (
        Writer::new(a.producer, to_reader, from_reader),
        Reader::new(b.consumer, to_writer, from_writer),
    )
}

/// Reads `bytes` bytes, `most` at a time.
fn read_exactly(reader: &mut Reader, bytes: usize, most: usize) -> Vec<u8> {
    let mut received = Vec::new();
    while received.len() < bytes {
        received.extend(reader.read(most));
    }
    received
}

fn sequence(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|byte| byte as u8).collect()
}
