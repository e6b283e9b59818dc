//! What a long run is doing, on standard error.

use std::fmt::Display;
use std::io::{IsTerminal, stderr};
use std::time::Instant;

/// A line that is written over on a terminal; nothing elsewhere.
#[derive(Debug)]
pub(super) struct Progress {
    terminal: bool,
    start: Instant,
    turns: usize,
    done: usize,
}

impl Progress {
    pub(super) fn new(turns: usize) -> Self {
        Self {
            terminal: stderr().is_terminal(),
            start: Instant::now(),
            turns,
            done: 0,
        }
    }

    /// Another turn begins.
    pub(super) fn turn(&mut self, what: impl Display) {
        if self.terminal {
            let left = match self.done {
                // Too early to tell.
                0 => String::new(),
                done => {
                    let rest = (self.turns - done.min(self.turns)) as u32;
                    let left = self.start.elapsed() / done as u32 * rest;
                    format!(", about {} s left", left.as_secs())
                }
            };
            let percent = 100 * self.done / self.turns.max(1);
            eprint!("\r\x1b[K{percent:>3} %{left}: {what}");
        }
        self.done += 1;
    }

    /// Makes room for other output.
    pub(super) fn clear(&self) {
        if self.terminal {
            eprint!("\r\x1b[K");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}
