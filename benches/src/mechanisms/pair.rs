//! One turn of a mechanism: two workers, started, connected, told what to do, and ended.

use super::figures::{Figures, Order, Report, Task};
use super::mechanism::{Handover, Mechanism, Side};
use super::worker::FAILED;
use super::{PART, descriptors};
use crate::Result;
use clap::ValueEnum;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

const SMALL: usize = 64;
const MEDIUM: usize = 64 * 1024;
const LARGE: usize = 1024 * 1024;

/// What a measurement may take beyond its time: a mechanism that needs more hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// The part of a measurement's time that is spent before it, so that caches and branches are warm.
const WARM_UP: u32 = 5;

/// Starts two processes that talk by this mechanism, measures, and ends them.
pub(super) fn measure(mechanism: &dyn Mechanism, time: Duration) -> Result<Figures> {
    let prepared = mechanism.prepare()?;
    let (reports, received) = channel();
    let mut pair = Pair {
        client: Worker::start(mechanism, Side::Client, prepared.client, reports.clone())?,
        server: Worker::start(mechanism, Side::Server, prepared.server, reports)?,
        received,
    };
    let mut run = |task, bytes| {
        pair.run(task, bytes, time / WARM_UP)?;
        pair.run(task, bytes, time)
    };
    let (client, server) = run(Task::RoundTrips, SMALL)?;
    let (medium, _) = run(Task::Stream, MEDIUM)?;
    let (large, _) = run(Task::Stream, LARGE)?;
    let micros = |nanos: u64| nanos as f64 / 1e3;
    let per_message = |report: Report| micros(report.cpu_nanos) / report.messages as f64;
    // Bytes per nanosecond are 10^9 bytes per second.
    let speed =
        |report: Report, bytes| (report.messages * bytes as u64) as f64 / report.nanos as f64;
    Ok(Figures {
        p50_micros: micros(client.p50_nanos),
        p99_micros: micros(client.p99_nanos),
        client_cpu_micros: per_message(client),
        server_cpu_micros: per_message(server),
        medium_gbytes_per_s: speed(medium, MEDIUM),
        large_gbytes_per_s: speed(large, LARGE),
    })
}

struct Pair {
    client: Worker,
    server: Worker,
    received: Receiver<(Side, String)>,
}

impl Pair {
    /// Has both carry out one order, and returns the client's report and the server's.
    fn run(&mut self, task: Task, bytes: usize, time: Duration) -> Result<(Report, Report)> {
        let order = Order {
            task,
            bytes,
            micros: time.as_micros() as u64,
        };
        for worker in [&mut self.client, &mut self.server] {
            // A worker that has ended has said why.
            let _ = writeln!(worker.socket, "{order}");
        }
        let deadline = Instant::now() + time + PATIENCE;
        let (mut client, mut server) = (None, None);
        loop {
            if let (Some(client), Some(server)) = (client, server) {
                return same_count(client, server);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let (side, line) = self
                .received
                .recv_timeout(left)
                .map_err(|_| format!("no report after {PATIENCE:?} more than it should take"))?;
            if let Some(reason) = line.strip_prefix(FAILED) {
                return Err(reason.trim().into());
            }
            let report = Some(line.parse()?);
            match side {
                Side::Client => client = report,
                Side::Server => server = report,
            }
        }
    }
}

fn same_count(client: Report, server: Report) -> Result<(Report, Report)> {
    if client.messages == server.messages {
        return Ok((client, server));
    }
    let (sent, came) = (client.messages, server.messages);
    Err(format!("{sent} messages were sent, and {came} came").into())
}

struct Worker {
    child: Child,
    socket: UnixStream,
}

impl Worker {
    fn start(
        mechanism: &dyn Mechanism,
        side: Side,
        handover: Handover,
        reports: Sender<(Side, String)>,
    ) -> Result<Self> {
        let (socket, theirs) = UnixStream::pair()?;
        let name = side.to_possible_value().ok_or("a side without a name")?;
        let child = Command::new(std::env::current_exe()?)
            .args([PART, "worker", mechanism.name(), name.get_name()])
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null())
            // Ctrl-C is for whoever measures.
            .process_group(0)
            .spawn()?;
        let mut worker = Self { child, socket };
        descriptors::send(&worker.socket, &handover.descriptors)?;
        writeln!(worker.socket, "{}", handover.place)?;
        let lines = BufReader::new(worker.socket.try_clone()?).lines();
        // It ends with the worker.
        thread::spawn(move || {
            for line in lines.map_while(std::io::Result::ok) {
                if reports.send((side, line)).is_err() {
                    return;
                }
            }
            // What has been said before comes first.
            let _ = reports.send((side, format!("{FAILED} the {side:?} ended too early")));
        });
        Ok(worker)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
