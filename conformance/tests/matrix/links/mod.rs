//! The links under test. To add one: a type with [`Link`](conformance::Link), and a line below.

mod http2;
mod isotonic;
mod pipe;
mod stock;

use ::isotonic::{LinkKind, ShmMode};
use conformance::case::MakeLink;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use isotonic::AtAddress;

/// One kind of link.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    /// As in the table.
    pub(crate) name: &'static str,
    /// Makes one that nobody serves on yet.
    pub(crate) make: MakeLink,
}

/// tonic's own transport over a Unix socket, by whose answers others are judged. Judged by itself it shows that what is
/// compared does not depend on time.
pub(crate) const REFERENCE: &Kind = &Kind {
    name: "tonic_uds",
    make: || Arc::new(stock::Uds::new()),
};

/// All of them: tonic's own, against which the others are held, come first.
pub(crate) const KINDS: &[Kind] = &[
    Kind {
        name: "tonic_tcp",
        make: || Arc::new(stock::Tcp::new()),
    },
    *REFERENCE,
    Kind {
        name: "tcp",
        make: || Arc::new(AtAddress::tcp()),
    },
    Kind {
        name: "uds",
        make: || Arc::new(AtAddress::unix(ShmMode::Off, LinkKind::Uds)),
    },
    Kind {
        name: "pipe",
        make: || Arc::new(pipe::Pipes::default()),
    },
    Kind {
        name: "fifo",
        make: || Arc::new(AtAddress::fifo()),
    },
    // In shared memory from the first byte.
    Kind {
        name: "shm",
        make: || Arc::new(AtAddress::unix(ShmMode::Require, LinkKind::Shm)),
    },
    // As it comes: on the socket at first, in shared memory once busy, in the middle of whatever runs.
    Kind {
        name: "shm_when_busy",
        make: || Arc::new(AtAddress::unix(ShmMode::Prefer, LinkKind::Uds)),
    },
];

/// Listens where somebody may still do who was told to stop a moment ago: tries again for as long as the address is in use,
/// which the test's own limit bounds.
async fn while_in_use<L, E, F>(
    mut listen: impl FnMut() -> F,
    is_in_use: impl Fn(&E) -> bool,
) -> Result<L, E>
where
    F: Future<Output = Result<L, E>>,
{
    loop {
        match listen().await {
            Err(error) if is_in_use(&error) => tokio::time::sleep(BETWEEN_TRIES).await,
            outcome => return outcome,
        }
    }
}

/// The pause between two tries.
const BETWEEN_TRIES: Duration = Duration::from_millis(1);
