//! A runtime for one side of a test, which can be stopped and can die as a process can.
//!
//! Both sides of a test are in one process, so that it can watch the service. What happens to one of them only has
//! to happen to a thread of its own.

use std::{sync::mpsc, thread};

use tokio::{
    runtime::{Builder, Handle},
    sync::oneshot,
};

use crate::Bounded;

/// A thread, and all tasks of one side on it. Dropped, it dies, but is not waited for.
#[derive(Debug)]
pub struct SeparateRuntime {
    handle: Handle,
    die: oneshot::Sender<()>,
    dead: oneshot::Receiver<()>,
}

impl SeparateRuntime {
    /// Starts its thread.
    ///
    /// # Panics
    ///
    /// When there is no runtime to be had.
    pub fn start() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let handle = runtime.handle().clone();
        let (die, death) = oneshot::channel();
        let (has_died, dead) = oneshot::channel();
        thread::spawn(move || {
            // An error means that we were dropped: die as well.
            let _ = runtime.block_on(death);
            runtime.shutdown_background();
            // An error means that nobody waits for it.
            let _ = has_died.send(());
        });
        Self { handle, die, dead }
    }

    /// Runs `task` there, which may start others that go on when it has ended.
    ///
    /// # Panics
    ///
    /// When the task does.
    pub async fn run<F>(&self, task: F) -> F::Output
    where
        F: Future<Output: Send> + Send + 'static,
    {
        match self.handle.spawn(task).await {
            Ok(output) => output,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    /// Makes all of it stand still, as SIGSTOP does, until what is returned is dropped.
    ///
    /// # Panics
    ///
    /// When it does not come to stand in time.
    pub async fn hold(&self, bounded: &Bounded) -> Held {
        let (stands, standing) = oneshot::channel();
        let (release, released) = mpsc::channel();
        self.handle.spawn(async move {
            // An error means that nobody waits for it any more.
            let _ = stands.send(());
            // On purpose not the runtime's way to wait: its only thread does nothing else meanwhile.
            let _ = released.recv();
        });
        let standing = bounded.wait("a runtime to stand still", standing).await;
        standing.expect("a runtime that lives");
        Held { _release: release }
    }

    /// Ends all of it at once, as SIGKILL does: nothing is finished, and what was open is closed.
    ///
    /// # Panics
    ///
    /// When it does not die in time.
    pub async fn kill(self, bounded: &Bounded) {
        // An error would mean that it is dead already.
        let _ = self.die.send(());
        let dead = bounded.wait("a runtime to die", self.dead).await;
        dead.expect("a runtime that says when it is dead");
    }
}

/// A [`SeparateRuntime`] stands still as long as this is there.
#[derive(Debug)]
#[must_use]
pub struct Held {
    _release: mpsc::Sender<()>,
}
