//! The comparison as its users run it, for as short as it goes.

#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

/// More than a round of tiny measurements needs on a slow machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// Those that need no more than the tests of isotonic itself.
const EVERYWHERE: [&str; 4] = [
    "isotonic, shared memory",
    "tonic, Unix socket",
    "ttrpc, Unix socket",
    "tarpc, Unix socket",
];

/// Those that need room in shared memory as they want it.
const WHERE_POSSIBLE: [&str; 4] = [
    "shmipc, socket wakes",
    "shmipc v4, eventfd wakes",
    "iceoryx2, events wake",
    "iceoryx2, busy",
];

/// One table for each size of a payload.
const SIZES: usize = 3;

/// Figures of a row: p50, p99, calls a second, and CPU of both sides.
const FIGURES: usize = 5;

#[test]
fn each_peer_gives_its_figures_or_a_reason_and_nothing_is_left_behind() {
    let before = shared_memory();
    let table = printed();
    for peer in EVERYWHERE {
        for row in rows(&table, peer) {
            assert_eq!(figures(row), FIGURES, "{peer}:\n{table}");
        }
    }
    for peer in WHERE_POSSIBLE {
        for row in rows(&table, peer) {
            let reason = row.split_once("not measured: ").map(|(_, reason)| reason);
            assert!(
                figures(row) == FIGURES || reason.is_some_and(|reason| !reason.is_empty()),
                "{peer}:\n{table}"
            );
        }
    }
    let left: Vec<_> = shared_memory().difference(&before).cloned().collect();
    assert!(left.is_empty(), "left in shared memory: {left:?}");
}

/// The names of iceoryx2's files in shared memory, which can outlive their processes, without the one that it keeps
/// for all that ever run.
fn shared_memory() -> BTreeSet<String> {
    let names = std::fs::read_dir("/dev/shm")
        .into_iter()
        .flatten()
        .flatten();
    names
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with("iox2_") && !name.ends_with(".global_mgmt"))
        .collect()
}

fn printed() -> String {
    let mut child = Command::new(env!("CARGO_BIN_EXE_isotonic-peers"))
        .args(["--milliseconds", "2", "--rounds", "2"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
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
    let table = table.expect("still waiting for the table of the peers");
    assert!(status.success(), "{status}");
    table
}

/// One for each size.
fn rows<'a>(table: &'a str, peer: &str) -> Vec<&'a str> {
    let rows: Vec<_> = table
        .lines()
        .filter(|line| line.starts_with(peer))
        .collect();
    assert_eq!(rows.len(), SIZES, "{peer}:\n{table}");
    rows
}

/// How many numbers above 0 there are after the columns that are words, without the deviations.
fn figures(row: &str) -> usize {
    row.split_whitespace()
        .filter_map(|word| word.parse::<f64>().ok())
        .filter(|&figure| figure > 0.0)
        .count()
}
