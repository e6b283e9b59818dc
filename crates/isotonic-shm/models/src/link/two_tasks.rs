//! Both halves of one side of a link, each in a task of its own, and the one socket that both wait for
//! (`shm_link` and `waiting_tasks` in `isotonic-link`).

use super::runtime::{Condvar, Mutex};
use super::segment::Side;
use crate::mutation::{Mutation, is_on};
use bytes::BufMut;
use std::io::IoSlice;
use std::sync::Arc;

/// One side's link, for its reading and its writing task.
#[derive(Debug, Clone)]
pub(crate) struct TwoTasks {
    halves: Arc<Mutex<Side>>,
    socket: Doorbell,
}

/// The socket, towards this side: nothing but doorbells comes.
#[derive(Debug, Clone)]
pub(crate) struct Doorbell {
    waiting: Arc<Mutex<Waiting>>,
    reader: Arc<Task>,
    writer: Arc<Task>,
}

#[derive(Debug, Default)]
struct Waiting {
    doorbells: usize,
    /// Whom the next doorbell wakes. A socket has one place for that.
    wakes: Vec<Half>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Half {
    Read,
    Write,
}

impl TwoTasks {
    pub(crate) fn new(side: Side) -> Self {
        Self {
            halves: Arc::new(Mutex::new(side)),
            socket: Doorbell {
                waiting: Arc::new(Mutex::new(Waiting::default())),
                reader: Arc::new(Task::new()),
                writer: Arc::new(Task::new()),
            },
        }
    }

    /// For the peer.
    pub(crate) fn doorbell(&self) -> Doorbell {
        self.socket.clone()
    }

    pub(crate) fn read_byte(&self) -> u8 {
        self.run(Half::Read, |side| {
            side.consumer.awake();
            let mut byte = Vec::new().limit(1);
            side.consumer.read(&mut byte).expect("a correct index");
            byte.into_inner().pop()
        })
    }

    pub(crate) fn write_byte(&self, byte: u8) {
        self.run(Half::Write, |side| {
            side.producer.awake();
            let byte = [byte];
            let written = side.producer.write_vectored(&[IoSlice::new(&byte)]);
            (written.expect("a correct index") > 0).then_some(())
        })
    }

    /// Runs the task of this half until a look answers.
    fn run<T>(&self, half: Half, mut look: impl FnMut(&mut Side) -> Option<T>) -> T {
        loop {
            let mut side = self.halves.lock().expect("nobody panicked");
            if let Some(answer) = look(&mut side) {
                return answer;
            }
            if self.socket.take_one(half) {
                continue;
            }
            let may_sleep = match half {
                Half::Read => side.consumer.announce_sleep(),
                Half::Write => side.producer.announce_sleep(),
            };
            drop(side);
            if may_sleep.expect("a correct index") || is_on(Mutation::SecondLookLeftOut) {
                self.socket.task(half).sleep();
            }
        }
    }
}

impl Doorbell {
    pub(crate) fn ring(&self) {
        let mut waiting = self.waiting.lock().expect("nobody panicked");
        waiting.doorbells += 1;
        let woken = std::mem::take(&mut waiting.wakes);
        drop(waiting);
        for half in woken {
            self.task(half).wake();
        }
    }

    /// Takes a doorbell, or, if there is none, has both tasks woken by the next.
    fn take_one(&self, half: Half) -> bool {
        self.task(half).register();
        let mut waiting = self.waiting.lock().expect("nobody panicked");
        if waiting.doorbells == 0 {
            waiting.wakes = if is_on(Mutation::OneTaskWoken) {
                vec![half]
            } else {
                vec![Half::Read, Half::Write]
            };
            return false;
        }
        waiting.doorbells -= 1;
        drop(waiting);
        if !is_on(Mutation::OneTaskWoken) {
            self.task(half.other()).wake();
        }
        true
    }

    fn task(&self, half: Half) -> &Task {
        match half {
            Half::Read => &self.reader,
            Half::Write => &self.writer,
        }
    }
}

impl Half {
    fn other(self) -> Self {
        match self {
            Self::Read => Self::Write,
            Self::Write => Self::Read,
        }
    }
}

/// A task as the runtime sees it: woken once for each time that it has left its waker.
#[derive(Debug)]
struct Task {
    state: Mutex<TaskState>,
    woken: Condvar,
}

#[derive(Debug, Default)]
struct TaskState {
    left_its_waker: bool,
    is_woken: bool,
}

impl Task {
    fn new() -> Self {
        Self {
            state: Mutex::new(TaskState::default()),
            woken: Condvar::new(),
        }
    }

    fn register(&self) {
        self.state.lock().expect("nobody panicked").left_its_waker = true;
    }

    fn wake(&self) {
        let mut state = self.state.lock().expect("nobody panicked");
        if std::mem::take(&mut state.left_its_waker) {
            state.is_woken = true;
            self.woken.notify_one();
        }
    }

    fn sleep(&self) {
        let mut state = self.state.lock().expect("nobody panicked");
        while !std::mem::take(&mut state.is_woken) {
            state = self.woken.wait(state).expect("nobody panicked");
        }
    }
}
