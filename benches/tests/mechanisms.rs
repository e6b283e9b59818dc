//! The ladder as its users run it, for as short as it goes.

#![cfg(target_os = "linux")]
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)] // A test fails by panicking.

use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;
use tempfile::TempDir;

/// More than a round of tiny measurements needs on a slow machine, a busy mechanism on a single CPU included.
const PATIENCE: Duration = Duration::from_secs(300);

/// Those that no machine which builds this can be without.
const EVERYWHERE: [&str; 9] = [
    "anonymous pipe",
    "FIFO",
    "Unix stream socket",
    "Unix datagram socket",
    "Unix seqpacket socket",
    "TCP over loopback",
    "shared memory and eventfd",
    "isotonic's ring, doorbell",
    "isotonic's ring, polling",
];

/// Those that a kernel or a sandbox may refuse, or that need a program which is not installed.
const WHERE_POSSIBLE: [&str; 6] = [
    "POSIX message queue",
    "Unix stream socket by io_uring",
    "D-Bus method call",
    "shared memory and futex",
    "counter under a robust mutex",
    "mapped file",
];

/// Figures of a row: p50, p99, CPU of both sides, and two throughputs.
const FIGURES: usize = 6;

#[test]
fn each_mechanism_gives_its_figures_or_a_reason() {
    let table = printed();
    for name in EVERYWHERE {
        assert_eq!(figures(row(&table, name)), FIGURES, "{name}:\n{table}");
    }
    for name in WHERE_POSSIBLE {
        let row = row(&table, name);
        let reason = row.split_once("not measured: ").map(|(_, reason)| reason);
        assert!(
            figures(row) == FIGURES || reason.is_some_and(|reason| !reason.is_empty()),
            "{name}:\n{table}"
        );
    }
}

#[test]
fn an_interrupted_run_shows_what_there_is_and_leaves_nothing_behind() {
    let folder = TempDir::new().unwrap();
    // More rounds than anybody waits for.
    let mut child = mechanisms(1000)
        .env("TMPDIR", folder.path())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let progress = BufReader::new(child.stderr.take().unwrap());
    let process = Pid::from_child(&child);
    let (sender, errors) = channel();
    thread::spawn(move || {
        for line in progress.lines().map_while(Result::ok) {
            // That is when there is something in the folder.
            if line.starts_with("Round 2 of 1000: FIFO") {
                kill_process(process, Signal::INT).unwrap();
            }
            sender.send(line).unwrap();
        }
    });
    let (table, status) = end(child);
    assert!(!status.success());
    assert_eq!(figures(row(&table, "anonymous pipe")), FIGURES, "{table}");
    let said = std::iter::from_fn(|| errors.recv_timeout(PATIENCE).ok());
    let last = said.last().unwrap();
    assert!(last.contains("interrupted"), "{last}");
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}

fn mechanisms(rounds: u32) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_isotonic-bench"));
    command
        .args(["mechanisms", "--milliseconds", "2"])
        .arg(format!("--rounds={rounds}"))
        .stdout(Stdio::piped());
    command
}

fn printed() -> String {
    let child = mechanisms(2).stderr(Stdio::null()).spawn().unwrap();
    let (table, status) = end(child);
    assert!(status.success(), "{status}");
    table
}

/// What it prints until it ends.
fn end(mut child: Child) -> (String, ExitStatus) {
    let mut output = child.stdout.take().unwrap();
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut table = String::new();
        output.read_to_string(&mut table).unwrap();
        sender.send(table)
    });
    let table = receiver.recv_timeout(PATIENCE);
    if table.is_err() {
        child.kill().unwrap();
    }
    let status = child.wait().unwrap();
    let table = table.expect("still waiting for the table of the mechanisms");
    (table, status)
}

fn row<'a>(table: &'a str, name: &str) -> &'a str {
    // Followed by how it waits: one name is the beginning of another.
    let begins = |line: &str| {
        let rest = line.strip_prefix(name).map(str::trim_start);
        rest.is_some_and(|rest| rest.starts_with("sleeping") || rest.starts_with("busy"))
    };
    table
        .lines()
        .find(|line| begins(line))
        .unwrap_or_else(|| panic!("no row for {name}:\n{table}"))
}

/// How many numbers above 0 there are, without the deviations.
fn figures(row: &str) -> usize {
    row.split_whitespace()
        .filter_map(|word| word.parse::<f64>().ok())
        .filter(|&figure| figure > 0.0)
        .count()
}
