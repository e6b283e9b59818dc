//! Two POSIX message queues (mq_overview(7)). The kernel's limits make a message of 8 KiB the largest by default,
//! so longer ones go in parts.

use super::mechanism::{End, Handover, Mechanism, Prepared, Side, Waits};
use crate::Result;
use nix::mqueue::{MQ_OFlag, MqAttr, MqdT, mq_getattr, mq_open, mq_receive, mq_send, mq_unlink};
use nix::sys::stat::Mode;
use std::sync::atomic::{AtomicU32, Ordering};

/// The kernel's defaults, and the most that it allows unprivileged (mq_overview(7), `/proc` interfaces).
const MESSAGES: i64 = 10;
const MESSAGE_BYTES: i64 = 8192;

pub(super) struct MessageQueue;

impl Mechanism for MessageQueue {
    fn name(&self) -> &'static str {
        "POSIX message queue"
    }

    fn waits(&self) -> Waits {
        Waits::Sleeping
    }

    fn prepare(&self) -> Result<Prepared> {
        static TURN: AtomicU32 = AtomicU32::new(0);
        // Relaxed: only to differ from each other.
        let turn = TURN.fetch_add(1, Ordering::Relaxed);
        let place = format!("/isotonic-bench-{}-{turn}", std::process::id());
        let mut names = Names(Vec::new());
        for name in both_names(&place) {
            let flags = MQ_OFlag::O_CREAT | MQ_OFlag::O_EXCL | MQ_OFlag::O_RDWR;
            // Without attributes nix leaves out the mode as well, and the kernel reads what is not there.
            let attributes = MqAttr::new(0, MESSAGES, MESSAGE_BYTES, 0);
            let mode = Mode::S_IRUSR | Mode::S_IWUSR;
            mq_open(name.as_str(), flags, mode, Some(&attributes))
                .map_err(|errno| format!("mq_open: {errno}"))?;
            names.0.push(name);
        }
        Ok(Prepared::place(place, names))
    }

    fn open(&self, side: Side, handover: Handover) -> Result<Box<dyn End>> {
        let [to_server, to_client] = both_names(&handover.place);
        let (incoming, outgoing) = match side {
            Side::Client => (to_client, to_server),
            Side::Server => (to_server, to_client),
        };
        let open = |name: String, flag| mq_open(name.as_str(), flag, Mode::empty(), None);
        let incoming = open(incoming, MQ_OFlag::O_RDONLY)?;
        let outgoing = open(outgoing, MQ_OFlag::O_WRONLY)?;
        let part = usize::try_from(mq_getattr(&incoming)?.msgsize())?;
        Ok(Box::new(QueueEnd {
            incoming,
            outgoing,
            part: vec![0; part],
        }))
    }
}

fn both_names(place: &str) -> [String; 2] {
    ["to-server", "to-client"].map(|end| format!("{place}-{end}"))
}

/// Names that are given back.
struct Names(Vec<String>);

impl Drop for Names {
    fn drop(&mut self) {
        for name in &self.0 {
            // Nobody is left who could be told.
            let _ = mq_unlink(name.as_str());
        }
    }
}

struct QueueEnd {
    incoming: MqdT,
    outgoing: MqdT,
    /// Room for the largest part: receiving asks for that much, whatever comes.
    part: Vec<u8>,
}

impl End for QueueEnd {
    fn send(&mut self, message: &mut Vec<u8>) -> Result<()> {
        for part in message.chunks(self.part.len()) {
            mq_send(&self.outgoing, part, 0)?;
        }
        Ok(())
    }

    fn receive(&mut self, message: &mut Vec<u8>) -> Result<()> {
        for part in message.chunks_mut(self.part.len()) {
            let received = mq_receive(&self.incoming, &mut self.part, &mut 0)?;
            if received != part.len() {
                return Err(format!("a part of {received} B came, not of {} B", part.len()).into());
            }
            part.copy_from_slice(&self.part[..received]);
        }
        Ok(())
    }
}
