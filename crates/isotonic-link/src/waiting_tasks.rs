//! One socket, two waiters: the task that reads a link and the task that writes it.
//!
//! A record that comes over the socket may concern either (a doorbell means bytes for the reader or
//! space for the writer), and whichever task looks at the socket takes it away from the other. The
//! socket therefore wakes both, and a task that finds something on it wakes the other.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Wake, Waker};

/// Which half of a link a task waits in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Half {
    Read,
    Write,
}

/// The tasks that wait for a link's socket, at most one in each half.
#[derive(Debug, Default)]
pub(crate) struct WaitingTasks {
    reader: Mutex<Option<Waker>>,
    writer: Mutex<Option<Waker>>,
}

impl WaitingTasks {
    /// A waker for the socket, which wakes both.
    pub(crate) fn waker(self: &Arc<Self>) -> Waker {
        Waker::from(Arc::clone(self))
    }

    /// From now on the task is woken for this half, in place of an earlier one.
    pub(crate) fn register(&self, half: Half, waker: &Waker) {
        let mut slot = self
            .slot(half)
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if !slot.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *slot = Some(waker.clone());
        }
    }

    /// Wakes the task that waits in this half, if one does.
    pub(crate) fn wake_half(&self, half: Half) {
        let taken = self
            .slot(half)
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(waker) = taken {
            waker.wake();
        }
    }

    fn slot(&self, half: Half) -> &Mutex<Option<Waker>> {
        match half {
            Half::Read => &self.reader,
            Half::Write => &self.writer,
        }
    }
}

impl Half {
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Read => Self::Write,
            Self::Write => Self::Read,
        }
    }
}

impl Wake for WaitingTasks {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.wake_half(Half::Read);
        self.wake_half(Half::Write);
    }
}
