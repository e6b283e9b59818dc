//! The writing half of a link, step by step as `isotonic-link` does it (`shm_link`): look, read the
//! socket, announce the sleep, look once more, sleep.

use super::product::ring::Producer;
use super::socket::{Receiver, Record, Sender};
use crate::mutation::{Mutation, is_on};
use std::io::IoSlice;

#[derive(Debug)]
pub(crate) struct Writer {
    producer: Producer,
    to_reader: Sender,
    from_reader: Receiver,
    reader_is_gone: bool,
}

/// The reader left; what was written last may be lost.
#[derive(Debug)]
pub(crate) struct ReaderIsGone;

impl Writer {
    pub(crate) fn new(producer: Producer, to_reader: Sender, from_reader: Receiver) -> Self {
        Self {
            producer,
            to_reader,
            from_reader,
            reader_is_gone: false,
        }
    }

    /// Waits for space until all of `bytes` are in the ring.
    pub(crate) fn write_all(&mut self, mut bytes: &[u8]) -> Result<(), ReaderIsGone> {
        while !bytes.is_empty() {
            if self.reader_is_gone {
                return Err(ReaderIsGone);
            }
            let written = self.look(bytes);
            bytes = &bytes[written..];
            if written > 0 {
                continue;
            }
            if let Some(record) = self.from_reader.receive_now() {
                self.received(record);
                continue;
            }
            let still_full = self.producer.announce_sleep().expect("a correct index");
            if still_full || is_on(Mutation::SecondLookLeftOut) {
                let record = self.from_reader.receive();
                self.received(record);
            }
        }
        Ok(())
    }

    /// Writes the last bytes and ends the direction.
    pub(crate) fn close_after(&mut self, last: &[u8]) {
        let total = self.producer.produced() + last.len() as u64;
        if is_on(Mutation::ClosedBeforeWritten) {
            self.to_reader.send(Record::Close { total });
            self.write_all(last).expect("a reader that stays");
        } else {
            self.write_all(last).expect("a reader that stays");
            self.to_reader.send(Record::Close { total });
        }
    }

    fn look(&mut self, bytes: &[u8]) -> usize {
        self.producer.awake();
        // Two slices, as a caller has them that puts a header before a body.
        let (first, rest) = bytes.split_at(bytes.len() / 2);
        let slices = [IoSlice::new(first), IoSlice::new(rest)];
        let written = self
            .producer
            .write_vectored(&slices)
            .expect("a correct index");
        if written > 0 && self.producer.must_wake_reader() {
            self.to_reader.send(Record::Doorbell);
        }
        written
    }

    fn received(&mut self, record: Record) {
        if record == Record::EndOfFile && !is_on(Mutation::EndForgotten) {
            self.reader_is_gone = true;
        }
    }
}
