//! A process that plays a role.

use crate::patience::PATIENCE;
use isotonic_link::Address;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

/// Tells this program which role it plays.
pub(crate) const ROLE: &str = "ISOTONIC_TEST_ROLE";

/// Where the other side is, or is to be.
pub(crate) const ADDRESS: &str = "ISOTONIC_TEST_ADDRESS";

/// The peer policy of a role that has one.
pub(crate) const POLICY: &str = "ISOTONIC_TEST_POLICY";

pub(crate) struct Peer {
    child: Child,
    output: BufReader<ChildStdout>,
    /// It ends when this is closed, so that none outlives the test.
    _goes_on: ChildStdin,
}

/// This program, to be started again.
pub(crate) fn this_program() -> Command {
    Command::new(std::env::current_exe().unwrap())
}

/// This program, found elsewhere, without being able to look around in any user namespace but its own.
pub(crate) fn in_user_namespace(options: &[&str], program: &Path) -> Command {
    let mut command = Command::new("unshare");
    command.arg("--user").args(options).arg(program);
    command
}

impl Peer {
    pub(crate) fn start(mut command: Command, role: &str, address: &Address) -> Self {
        let mut child = command
            .env(ROLE, role)
            .env(ADDRESS, address.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            output: BufReader::new(child.stdout.take().unwrap()),
            _goes_on: child.stdin.take().unwrap(),
            child,
        }
    }

    /// The next line that it prints; it ends by itself if it waits for too long.
    pub(crate) fn says(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
    }

    /// Stops it, and waits until it has stopped.
    pub(crate) fn stop(&self) {
        kill_process(self.pid(), Signal::STOP).unwrap();
        let start = Instant::now();
        loop {
            let options = WaitOptions::UNTRACED | WaitOptions::NOHANG;
            match waitpid(Some(self.pid()), options).unwrap() {
                Some((_, status)) => return assert!(status.stopped(), "{status:?}"),
                None => std::thread::yield_now(),
            }
            assert!(start.elapsed() < PATIENCE, "the process does not stop");
        }
    }

    pub(crate) fn go_on(&self) {
        kill_process(self.pid(), Signal::CONT).unwrap();
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }
}
