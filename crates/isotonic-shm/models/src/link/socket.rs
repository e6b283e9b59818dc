//! The socket of a link, one direction of it: records arrive in order, and what a peer did before it
//! sent one has happened before it is received.
//!
//! Finding the socket empty orders nothing, as in the kernel, which need not take a lock for it: the
//! receiver reads without ordering how many records were sent.

use super::runtime::AtomicU64;
use super::runtime::mpsc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What a peer tells over the socket once the link is in shared memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Record {
    /// Wake up and look.
    Doorbell,
    /// No bytes come after these; so many were put into the ring.
    Close { total: u64 },
    /// The end of the socket itself: the peer is gone.
    EndOfFile,
}

#[derive(Debug)]
pub(crate) struct Sender {
    queue: mpsc::Sender<Record>,
    sent: Arc<AtomicU64>,
    count: u64,
}

#[derive(Debug)]
pub(crate) struct Receiver {
    queue: mpsc::Receiver<Record>,
    sent: Arc<AtomicU64>,
    received: u64,
}

pub(crate) fn socket() -> (Sender, Receiver) {
    let (sender, receiver) = mpsc::channel();
    let sent = Arc::new(AtomicU64::new(0));
    let sender = Sender {
        queue: sender,
        sent: Arc::clone(&sent),
        count: 0,
    };
    let receiver = Receiver {
        queue: receiver,
        sent,
        received: 0,
    };
    (sender, receiver)
}

impl Sender {
    pub(crate) fn send(&mut self, record: Record) {
        self.queue.send(record).expect("the receiver lives on");
        self.count += 1;
        self.sent.store(self.count, Ordering::Relaxed);
    }
}

impl Receiver {
    /// A record, if one is seen to be there.
    pub(crate) fn receive_now(&mut self) -> Option<Record> {
        (self.sent.load(Ordering::Relaxed) > self.received).then(|| self.receive())
    }

    /// Sleeps until there is a record.
    pub(crate) fn receive(&mut self) -> Record {
        self.received += 1;
        self.queue.recv().expect("the sender lives on")
    }
}
