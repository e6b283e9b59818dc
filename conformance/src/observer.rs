//! What the service saw, told to the scenarios.
//!
//! Some promises of a transport are kept on the far side only: that a cancelled call is noticed there, that a stream
//! nobody reads is held back. The service counts its calls; a scenario waits for the counts instead of sleeping.

use tokio::sync::watch;

/// The service's calls up to now. `finished + abandoned <= started`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Calls that reached the service.
    pub started: u64,
    /// Calls that the service answered to their end, with OK or with another status of its choice.
    pub finished: u64,
    /// Calls that ended before the service was done: cancelled, timed out, or their connection broke.
    pub abandoned: u64,
    /// Streamed responses that the transport has taken from the service, of all calls together.
    pub streamed: u64,
}

impl Counts {
    /// Calls at which the service still works.
    pub fn in_flight(&self) -> u64 {
        self.started - self.finished - self.abandoned
    }
}

/// The service's end: starts calls.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recorder {
    counts: watch::Sender<Counts>,
}

impl Recorder {
    /// A call has reached the service.
    pub(crate) fn begin(&self) -> Call {
        self.counts.send_modify(|counts| counts.started += 1);
        Call {
            counts: self.counts.clone(),
            done: false,
        }
    }

    /// The transport has taken a streamed response.
    pub(crate) fn streamed(&self) {
        self.counts.send_modify(|counts| counts.streamed += 1);
    }

    /// Another pair of eyes.
    pub(crate) fn observer(&self) -> Observer {
        Observer {
            counts: self.counts.subscribe(),
        }
    }
}

/// One call at the service. Dropped before [`finish`](Self::finish), it counts as abandoned: dropping is how hyper and
/// tonic tell a handler that nobody wants its answer.
#[derive(Debug)]
pub(crate) struct Call {
    counts: watch::Sender<Counts>,
    done: bool,
}

impl Call {
    /// The service has given its whole answer.
    pub(crate) fn finish(mut self) {
        self.done = true;
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let done = self.done;
        self.counts.send_modify(|counts| {
            if done {
                counts.finished += 1;
            } else {
                counts.abandoned += 1;
            }
        });
    }
}

/// The scenario's end: reads and awaits counts.
#[derive(Clone, Debug)]
pub struct Observer {
    counts: watch::Receiver<Counts>,
}

impl Observer {
    /// The counts now.
    pub fn counts(&self) -> Counts {
        *self.counts.borrow()
    }

    /// Returns as soon as `condition` holds.
    ///
    /// # Panics
    ///
    /// When the service is gone, and the condition can thus never come true.
    pub async fn until(&self, condition: impl FnMut(&Counts) -> bool) {
        // A clone, so that any number of tasks can wait through one `&self`.
        let waited = self.counts.clone().wait_for(condition).await.map(|_| ());
        assert!(waited.is_ok(), "the service is gone: {:?}", self.counts());
    }

    /// Returns when the service has at least `calls` abandoned calls behind it.
    pub async fn abandoned(&self, calls: u64) {
        self.until(|counts| counts.abandoned >= calls).await;
    }

    /// Returns when the service works at no call.
    pub async fn idle(&self) {
        self.until(|counts| counts.in_flight() == 0).await;
    }
}
