//! The two processes of a turn. Whoever measures starts both, and talks to each in lines over its standard input
//! and output: the client gets orders and reports figures, the server tells its CPU time whenever it is asked.

use crate::client::{Caller, measure as measure_calls};
use crate::peers::Peer;
use crate::{Result, SIZES};
use rustix::process::{Signal, set_parent_process_death_signal};
use rustix::time::{ClockId, clock_gettime};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// What a process says when it can be talked to.
const READY: &str = "ready";

/// What an answer may take beyond the time of a measurement: who needs more hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// The part of a measurement's time that is spent before it, so that everything is warm and a link that begins on a
/// socket has moved.
const WARM_UP: u32 = 5;

/// Of the calls of one size.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Figures {
    pub(crate) calls: u64,
    pub(crate) nanos: u64,
    pub(crate) p50_nanos: u64,
    pub(crate) p99_nanos: u64,
    pub(crate) client_cpu_nanos: u64,
    pub(crate) server_cpu_nanos: u64,
}

/// The figures of each of the [`SIZES`].
pub(crate) type Turn = [Figures; SIZES.len()];

/// Starts a server and a client of this peer, measures, and ends them.
pub(crate) fn measure(peer: Peer, time: Duration) -> Result<Turn> {
    let folder = TempDir::new()?;
    let mut server = Process::start("server", peer, folder.path())?;
    let mut client = Process::start("client", peer, folder.path())?;
    let mut turn = Turn::default();
    for (bytes, figures) in SIZES.into_iter().zip(&mut turn) {
        client.ask(&order(bytes, time / WARM_UP), time)?;
        let before: u64 = server.ask("cpu", Duration::ZERO)?.parse()?;
        *figures = parse(&client.ask(&order(bytes, time), time)?)?;
        let after: u64 = server.ask("cpu", Duration::ZERO)?.parse()?;
        figures.server_cpu_nanos = after - before;
    }
    // The client first: it may have something to say to the server.
    client.end()?;
    server.end()?;
    Ok(turn)
}

fn order(bytes: usize, time: Duration) -> String {
    format!("{bytes} {}", time.as_micros())
}

fn numbers<const COUNT: usize>(line: &str) -> Result<[u64; COUNT]> {
    let numbers: std::result::Result<Vec<u64>, _> =
        line.split_whitespace().map(str::parse).collect();
    let unexpected = |_| format!("`{line}` is not {COUNT} numbers").into();
    numbers?.try_into().map_err(unexpected)
}

fn parse(line: &str) -> Result<Figures> {
    let [calls, nanos, p50_nanos, p99_nanos, client_cpu_nanos] = numbers(line)?;
    Ok(Figures {
        calls,
        nanos,
        p50_nanos,
        p99_nanos,
        client_cpu_nanos,
        server_cpu_nanos: 0,
    })
}

struct Process {
    child: Child,
    /// It ends when this is closed.
    input: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Process {
    fn start(role: &str, peer: Peer, folder: &Path) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args([role, &peer.argument()])
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().ok_or("no output")?;
        let (sender, lines) = channel();
        // It ends with the process.
        thread::spawn(move || {
            for line in BufReader::new(output)
                .lines()
                .map_while(std::io::Result::ok)
            {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let process = Self {
            input: child.stdin.take(),
            child,
            lines,
        };
        match process.next_line(Duration::ZERO)?.as_str() {
            READY => Ok(process),
            other => Err(other.into()),
        }
    }

    fn ask(&mut self, line: &str, time: Duration) -> Result<String> {
        let input = self.input.as_mut().ok_or("the process was ended")?;
        // If it has ended, what it said last tells why.
        let _ = writeln!(input, "{line}");
        self.next_line(time)
    }

    fn next_line(&self, time: Duration) -> Result<String> {
        let line = self.lines.recv_timeout(time + PATIENCE);
        Ok(line.map_err(|_| "a process ended or was silent for too long")?)
    }

    /// Has it end by itself.
    fn end(&mut self) -> Result<()> {
        self.input = None;
        match self.lines.recv_timeout(PATIENCE) {
            // Its output has ended, and so does it.
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => Ok(()),
            Err(_) => Err("a process does not end".into()),
            Ok(line) => Err(line.into()),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the server until its client leaves, or until standard input ends.
pub(crate) fn be_server(peer: Peer, folder: &Path) -> Result<()> {
    end_with_parent()?;
    thread::spawn(move || {
        for _ in std::io::stdin().lines() {
            say(&cpu_nanos().to_string());
        }
        if !peer.ends_with_its_client() {
            std::process::exit(0);
        }
    });
    report(peer.serve(folder, || say(READY)))
}

/// Runs the client until standard input ends.
pub(crate) fn be_client(peer: Peer, folder: &Path) -> Result<()> {
    end_with_parent()?;
    let (sender, orders) = unbounded_channel();
    thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(std::io::Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    report(peer.call(folder, orders))
}

/// Carries out the orders that come.
pub(crate) async fn obey(
    mut caller: impl Caller,
    mut orders: UnboundedReceiver<String>,
) -> Result<()> {
    say(READY);
    while let Some(line) = orders.recv().await {
        let [bytes, micros] = numbers(&line)?;
        let before = cpu_nanos();
        let time = Duration::from_micros(micros);
        let figures = measure_calls(&mut caller, usize::try_from(bytes)?, time).await?;
        let cpu = cpu_nanos() - before;
        let Figures {
            calls,
            nanos,
            p50_nanos,
            p99_nanos,
            ..
        } = figures;
        say(&format!("{calls} {nanos} {p50_nanos} {p99_nanos} {cpu}"));
    }
    caller.leave()
}

fn say(line: &str) {
    let mut output = std::io::stdout().lock();
    // Nobody listens any more: standard input will end, too.
    let _ = writeln!(output, "{line}");
    let _ = output.flush();
}

/// Says what failed, so that whoever measures can tell it.
fn report(result: Result<()>) -> Result<()> {
    if let Err(error) = &result {
        say(&error.to_string().replace('\n', " "));
    }
    result
}

fn end_with_parent() -> Result<()> {
    Ok(set_parent_process_death_signal(Some(Signal::KILL))?)
}

/// CPU time of this process up to now.
fn cpu_nanos() -> u64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec.cast_unsigned() * 1_000_000_000 + time.tv_nsec.cast_unsigned()
}
