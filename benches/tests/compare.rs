//! The program as a user runs it: every link and pattern, a few calls each.
#![forbid(unsafe_code)]

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// More than any run here needs on a slow machine; what lasts longer hangs.
const PATIENCE: Duration = Duration::from_secs(300);

const LINKS: [&str; 8] = [
    "tonic-tcp",
    "tonic-uds",
    "tcp",
    "uds",
    "pipe",
    "fifo",
    "shm",
    "in-process",
];

const PATTERNS: [&str; 8] = [
    "unary",
    "client-stream",
    "server-stream",
    "bidi",
    "mixed",
    "paced",
    "idle",
    "fan-in",
];

/// Where there is one connection or none.
const LEFT_OUT: [(&str, &str); 7] = [
    ("mixed", "in-process"),
    ("idle", "pipe"),
    ("idle", "fifo"),
    ("idle", "in-process"),
    ("fan-in", "pipe"),
    ("fan-in", "fifo"),
    ("fan-in", "in-process"),
];

/// The program while it runs.
struct Program {
    child: Child,
    /// Comes when the program and all processes that it has started have ended: they inherit its standard error.
    stderr: Receiver<String>,
}

/// Starts the program with `folder` for its files. Its standard output goes to a file there.
fn start(folder: &Path, arguments: &[&str]) -> Program {
    let temporary = folder.join("temporary");
    fs::create_dir(&temporary).expect("a folder");
    let stdout = fs::File::create(folder.join("stdout")).expect("a file");
    let mut child = Command::new(env!("CARGO_BIN_EXE_isotonic-bench"))
        .arg("compare")
        .args(arguments)
        .current_dir(folder)
        .env("TMPDIR", temporary)
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program");
    let mut pipe = child.stderr.take().expect("a pipe");
    let (said, stderr) = mpsc::channel();
    thread::spawn(move || {
        let mut text = String::new();
        pipe.read_to_string(&mut text).expect("UTF-8");
        said.send(text)
    });
    Program { child, stderr }
}

impl Program {
    /// Waits until it and all that it has started have ended; returns how it ended and its standard error.
    fn end(mut self) -> (ExitStatus, String) {
        let Ok(stderr) = self.stderr.recv_timeout(PATIENCE) else {
            let _ = self.child.kill();
            panic!("still waiting for the end of all processes after {PATIENCE:?}");
        };
        (self.child.wait().expect("a child"), stderr)
    }
}

fn files_left_behind(folder: &Path) -> usize {
    let files = fs::read_dir(folder.join("temporary")).expect("a folder");
    files.count()
}

fn stdout(folder: &Path) -> String {
    fs::read_to_string(folder.join("stdout")).expect("UTF-8")
}

#[test]
fn every_link_is_measured_in_every_pattern() {
    let folder = TempDir::new().expect("a folder");
    let arguments = [
        "--payloads=64,64KiB",
        "--concurrency=1,4",
        "--rates=500",
        "--connections=3",
        "--clients=2",
        "--rounds=2",
        "--round-ms=2",
        "--workers=2",
        "--busy-cpus=1",
        "--json=figures.json",
        "--html=page.html",
    ];
    let (status, stderr) = start(folder.path(), &arguments).end();
    assert!(status.success(), "{stderr}");
    assert_eq!(stderr, "");
    assert_eq!(files_left_behind(folder.path()), 0);

    let json = fs::read_to_string(folder.path().join("figures.json")).expect("a file");
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["schema"], 1);
    assert!(json["host"]["cpus"].as_u64() > Some(0));
    assert_eq!(json["settings"]["workers"], 2);
    let rows = json["rows"].as_array().expect("rows");
    let mut measured: BTreeSet<(String, String)> = BTreeSet::new();
    for row in rows {
        let name = |field: &str| row[field].as_str().expect("a name").to_owned();
        measured.insert((name("pattern"), name("link")));
        check_row(row);
    }
    for pattern in PATTERNS {
        for link in LINKS {
            let expected = !LEFT_OUT.contains(&(pattern, link));
            let found = measured.contains(&(pattern.into(), link.into()));
            assert_eq!(found, expected, "{pattern}, {link}");
        }
    }
    // Two payloads in the first four patterns, one more concurrency in the first, one case in each other.
    assert_eq!(rows.len(), (4 * 2 + 1 + 4) * LINKS.len() - LEFT_OUT.len());
    let left_out = json["left_out"].as_array().expect("what is left out");
    assert_eq!(left_out.len(), LEFT_OUT.len());

    let table = stdout(folder.path());
    for title in [
        "unary, 64 B, 4 at a time",
        "idle, 3 connections",
        "fifo has no idle",
    ] {
        assert!(table.contains(title), "{title} is not in {table}");
    }
    check_page(&fs::read_to_string(folder.path().join("page.html")).expect("a file"));
}

fn check_row(row: &Value) {
    let idle = row["pattern"] == "idle";
    assert_eq!(row["rounds"], if idle { 1 } else { 2 }, "{row}");
    let figures: &[&str] = if idle {
        assert_eq!(row["connections"], 3, "{row}");
        &[
            "cpu_ms_per_s",
            "rss_bytes_per_connection",
            "shm_bytes_per_connection",
            "wakeups_per_s",
        ]
    } else {
        assert!(row["calls"].as_u64() > Some(0), "{row}");
        for figure in ["p50_us", "calls_per_s", "client_cpu_us_per_call"] {
            assert!(row[figure].as_f64() > Some(0.0), "{figure} in {row}");
        }
        let in_process = row["link"] == "in-process";
        assert_eq!(row["server_cpu_us_per_call"].is_null(), in_process, "{row}");
        assert_eq!(
            row["protocol"],
            if in_process { "none" } else { "http2" },
            "{row}"
        );
        &[
            "p50_us",
            "p99_us",
            "p999_us",
            "calls_per_s",
            "gbytes_per_s",
            "client_cpu_us_per_call",
        ]
    };
    for &figure in figures {
        let value = row[figure].as_f64().unwrap_or(f64::NAN);
        let bound = |index: usize| row["spread"][figure][index].as_f64().unwrap_or(f64::NAN);
        assert!(bound(0) <= value && value <= bound(1), "{figure} in {row}");
    }
}

/// Well-formed, with all its plots, and with nothing to be fetched from elsewhere.
fn check_page(page: &str) {
    let page = page.strip_prefix("<!DOCTYPE html>").expect("a page");
    let mut open: Vec<&str> = Vec::new();
    for tag in page.split('<').skip(1) {
        let (tag, _) = tag.split_once('>').expect("a whole tag");
        let name = tag
            .split([' ', '/'])
            .find(|word| !word.is_empty())
            .expect("a name");
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "closed in the wrong order");
        } else if name != "meta" {
            open.push(name);
        }
    }
    assert_eq!(open, [""; 0], "not closed");
    for title in [
        "Latency by payload",
        "Throughput by payload",
        "CPU per call",
        "Ratios",
    ] {
        let (_, section) = page.split_once(title).expect(title);
        let section = section.split("<h2").next().unwrap_or_default();
        assert!(section.contains("<svg"), "no plot in: {title}");
    }
    for link in LINKS {
        assert!(
            page.contains(&format!("class=\"link {link}\"")),
            "{link} has no plot"
        );
    }
    for elsewhere in ["http://", "https://", "src=", "@import", "url("] {
        assert!(!page.contains(elsewhere), "{elsewhere} in the page");
    }
    for nonsense in ["NaN", "inf\"", "-inf"] {
        assert!(!page.contains(nonsense), "{nonsense} in the page");
    }
}

/// `unary` takes a moment, `paced` longer than anybody here waits before it is ended.
const LONG_RUN: [&str; 8] = [
    "--links=tonic-uds,fifo,pipe,shm",
    "--patterns=unary,paced",
    "--payloads=64",
    "--concurrency=1",
    "--rates=11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29",
    "--rounds=2",
    "--round-ms=100",
    "--json=figures.json",
];

/// Starts a long run and waits until its first case is done and the second under way.
fn start_long_run(folder: &Path) -> Program {
    let program = start(folder, &LONG_RUN);
    let start = Instant::now();
    while !stdout(folder).contains("shm") {
        let waited = start.elapsed();
        assert!(
            waited < PATIENCE,
            "still waiting for the first case after {PATIENCE:?}"
        );
        thread::sleep(Duration::from_millis(1));
    }
    program
}

#[test]
fn what_was_measured_before_an_interruption_is_shown() {
    let folder = TempDir::new().expect("a folder");
    let program = start_long_run(folder.path());
    let process = i32::try_from(program.child.id()).expect("a process");
    let process = Pid::from_raw(process).expect("a process");
    kill_process(process, Signal::INT).expect("a signal");
    let (status, stderr) = program.end();
    assert!(!status.success());
    assert!(stderr.contains("interrupted"), "{stderr}");
    assert_eq!(files_left_behind(folder.path()), 0);
    let json = fs::read_to_string(folder.path().join("figures.json")).expect("a file");
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["settings"]["interrupted"], true);
    let rows = json["rows"].as_array().expect("rows");
    let unary = rows.iter().filter(|row| row["pattern"] == "unary");
    assert_eq!(unary.count(), 4);
}

#[test]
fn no_process_outlives_the_program() {
    let folder = TempDir::new().expect("a folder");
    let mut program = start_long_run(folder.path());
    program.child.kill().expect("a signal");
    program.end();
}

#[test]
fn a_link_that_cannot_be_had_is_an_error_that_tells_why() {
    let folder = TempDir::new().expect("a folder");
    // Too long a path for a socket: only the links with one fail.
    let long = folder.path().join("x".repeat(120));
    fs::create_dir(&long).expect("a folder");
    let arguments = [
        "--links=tonic-uds,tcp,shm",
        "--patterns=unary",
        "--payloads=64",
        "--concurrency=1",
        "--rounds=1",
        "--round-ms=2",
        "--json=figures.json",
    ];
    let (status, stderr) = start(&long, &arguments).end();
    assert!(!status.success());
    for link in ["tonic-uds", "shm"] {
        assert!(stderr.contains(&format!("{link}: ")), "{stderr}");
    }
    let json = fs::read_to_string(long.join("figures.json")).expect("a file");
    let json: Value = serde_json::from_str(&json).expect("JSON");
    let rows = json["rows"].as_array().expect("rows");
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(rows[0]["link"], "tcp");
    let left_out = json["left_out"].as_array().expect("what is left out");
    assert_eq!(left_out.len(), 2);
    for one in left_out {
        assert_eq!(one["failed"], true, "{one}");
        assert!(
            one["reason"]
                .as_str()
                .is_some_and(|reason| !reason.is_empty()),
            "{one}"
        );
    }
}

#[test]
fn no_more_cpus_are_kept_busy_than_there_are() {
    let folder = TempDir::new().expect("a folder");
    let (status, stderr) = start(folder.path(), &["--busy-cpus=2000"]).end();
    assert!(!status.success());
    assert!(stderr.contains("2000 CPUs"), "{stderr}");
}
