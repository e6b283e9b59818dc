//! One of the two processes that talk.

use super::descriptors;
use super::figures::{Order, Report, Task};
use super::mechanism::{End, Handover, Mechanism, Side};
use super::pattern::{self, First};
use crate::Result;
use hdrhistogram::Histogram;
use rustix::time::{ClockId, clock_gettime};
use std::io::{BufRead, BufReader, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// What a worker says first when something failed; a report otherwise.
pub(super) const FAILED: &str = "failed:";

/// The answer to a stream.
const ANSWER_BYTES: usize = 64;

/// Talks until standard input, the socket to whoever measures, ends.
pub(super) fn work(mechanism: &dyn Mechanism, side: Side) -> Result<()> {
    let mut socket = UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    let result = obey(mechanism, side, &mut socket);
    if let Err(error) = &result {
        // On one line, whatever it is.
        let error = error.to_string().replace('\n', " ");
        writeln!(socket, "{FAILED} {error}")?;
    }
    Ok(())
}

fn obey(mechanism: &dyn Mechanism, side: Side, socket: &mut UnixStream) -> Result<()> {
    let descriptors = descriptors::receive(&*socket)?;
    let mut lines = BufReader::new(socket.try_clone()?).lines();
    let place = lines.next().ok_or("nothing was handed over")??;
    let mut end = mechanism.open(side, Handover { place, descriptors })?;
    for line in lines {
        let order: Order = line?.parse()?;
        let cpu = cpu_nanos();
        let mut report = match side {
            Side::Client => drive(end.as_mut(), order)?,
            Side::Server => follow(end.as_mut(), order)?,
        };
        report.cpu_nanos = cpu_nanos() - cpu;
        writeln!(socket, "{report}")?;
    }
    Ok(())
}

/// The client's side.
fn drive(end: &mut dyn End, order: Order) -> Result<Report> {
    let mut message = vec![0; order.bytes];
    let mut answer = vec![0; ANSWER_BYTES];
    // Nanoseconds, to three digits.
    let mut times = Histogram::<u64>::new(3)?;
    let time = Duration::from_micros(order.micros);
    let start = Instant::now();
    let mut before = start;
    let mut number = 0;
    loop {
        let last = before.duration_since(start) >= time;
        pattern::fill(&mut message, First { number, last });
        end.send(&mut message)?;
        if order.task == Task::RoundTrips {
            end.receive(&mut message)?;
            pattern::check_answer(&message, number)?;
        } else if last {
            end.receive(&mut answer)?;
            pattern::check_answer(&answer, number)?;
        }
        number += 1;
        let now = Instant::now();
        times.record(now.duration_since(before).as_nanos() as u64)?;
        before = now;
        if last {
            break;
        }
    }
    Ok(Report {
        messages: number,
        nanos: before.duration_since(start).as_nanos() as u64,
        cpu_nanos: 0,
        p50_nanos: times.value_at_quantile(0.50),
        p99_nanos: times.value_at_quantile(0.99),
    })
}

/// The server's side, until the message that is the last.
fn follow(end: &mut dyn End, order: Order) -> Result<Report> {
    let mut message = vec![0; order.bytes];
    let mut answer = vec![0; ANSWER_BYTES];
    let mut number = 0;
    loop {
        end.receive(&mut message)?;
        let last = pattern::check(&message, number)?;
        if order.task == Task::RoundTrips {
            pattern::fill_answer(&mut message, number);
            end.send(&mut message)?;
        } else if last {
            pattern::fill_answer(&mut answer, number);
            end.send(&mut answer)?;
        }
        number += 1;
        if last {
            break;
        }
    }
    Ok(Report {
        messages: number,
        ..Report::default()
    })
}

/// CPU time of this process up to now.
fn cpu_nanos() -> u64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec.cast_unsigned() * 1_000_000_000 + time.tv_nsec.cast_unsigned()
}
