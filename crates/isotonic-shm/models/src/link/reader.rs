//! The reading half of a link, step by step as `isotonic-link` does it (`shm_link`): look, read the
//! socket, announce the sleep, look once more, sleep.

use super::product::ring::Consumer;
use super::socket::{Receiver, Record, Sender};
use crate::mutation::{Mutation, is_on};
use bytes::BufMut;

#[derive(Debug)]
pub(crate) struct Reader {
    consumer: Consumer,
    to_writer: Sender,
    from_writer: Receiver,
    closed_at: Option<u64>,
}

impl Reader {
    pub(crate) fn new(consumer: Consumer, to_writer: Sender, from_writer: Receiver) -> Self {
        Self {
            consumer,
            to_writer,
            from_writer,
            closed_at: None,
        }
    }

    /// Waits for bytes and takes `most` of them at most; none at the end.
    pub(crate) fn read(&mut self, most: usize) -> Vec<u8> {
        loop {
            let bytes = self.look(most);
            if !bytes.is_empty() {
                return bytes;
            }
            if let Some(total) = self.closed_at {
                let received = self.consumer.consumed();
                assert_eq!(received, total, "bytes that came before the close");
                return Vec::new();
            }
            if let Some(record) = self.from_writer.receive_now() {
                self.received(record);
                continue;
            }
            let still_empty = self.consumer.announce_sleep().expect("a correct index");
            if still_empty || is_on(Mutation::SecondLookLeftOut) {
                let record = self.from_writer.receive();
                self.received(record);
            }
        }
    }

    /// Ends the link without reading on.
    pub(crate) fn leave(&mut self) {
        self.to_writer.send(Record::EndOfFile);
    }

    fn look(&mut self, most: usize) -> Vec<u8> {
        if self.closed_at.is_some() && is_on(Mutation::EndedWithoutLooking) {
            return Vec::new();
        }
        self.consumer.awake();
        let mut target = Vec::new().limit(most);
        self.consumer.read(&mut target).expect("a correct index");
        let bytes = target.into_inner();
        if !bytes.is_empty() && self.consumer.must_wake_writer() {
            self.to_writer.send(Record::Doorbell);
        }
        bytes
    }

    fn received(&mut self, record: Record) {
        if let Record::Close { total } = record
            && !is_on(Mutation::EndForgotten)
        {
            self.closed_at = Some(total);
        }
    }
}
