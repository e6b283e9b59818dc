//! What the kernel knows about a process: its CPU time, its memory, how often its threads went to sleep.

use crate::Result;
use nix::time::ClockId;
use nix::unistd::Pid;
use procfs::process::{MMapPath, Process};
use std::collections::HashMap;
use std::time::Duration;

/// CPU time of a process since its start, user and system together, threads that have ended included.
///
/// The kernel counts it to the nanosecond; /proc/PID/stat would be in steps of 10 ms.
pub(crate) fn cpu_time(process: u32) -> Result<Duration> {
    let clock = ClockId::pid_cpu_clock_id(Pid::from_raw(i32::try_from(process)?))?;
    Ok(clock.now()?.into())
}

/// What some processes use together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Footprint {
    pub(crate) cpu_time: Duration,
    /// Anonymous resident memory and that of files.
    pub(crate) rss_bytes: u64,
    /// Memory files (memfd) that any of them has mapped, each counted once: all their pages are paid for.
    pub(crate) shm_bytes: u64,
    /// How often a thread gave up its CPU to wait. It was woken as often.
    pub(crate) wakeups: u64,
}

impl Footprint {
    pub(crate) fn of(processes: &[u32]) -> Result<Self> {
        let mut footprint = Self {
            cpu_time: Duration::ZERO,
            rss_bytes: 0,
            shm_bytes: 0,
            wakeups: 0,
        };
        let mut files = HashMap::new();
        for &process in processes {
            footprint.cpu_time += cpu_time(process)?;
            let process = Process::new(i32::try_from(process)?)?;
            let status = process.status()?;
            let rss_kib = status.rssanon.unwrap_or(0) + status.rssfile.unwrap_or(0);
            footprint.rss_bytes += rss_kib * 1024;
            for task in process.tasks()?.flatten() {
                let status = task.status()?;
                footprint.wakeups += status.voluntary_ctxt_switches.unwrap_or(0);
            }
            for map in process.maps()? {
                if is_memory_file(&map.pathname) {
                    let end = map.offset + (map.address.1 - map.address.0);
                    let size = files.entry((map.dev, map.inode)).or_insert(0);
                    *size = end.max(*size);
                }
            }
        }
        footprint.shm_bytes = files.values().sum();
        Ok(footprint)
    }
}

fn is_memory_file(path: &MMapPath) -> bool {
    match path {
        MMapPath::Path(path) => path.to_string_lossy().starts_with("/memfd:"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn cpu_time_of_a_process_goes_on_while_it_works() {
        let us = std::process::id();
        let before = cpu_time(us).unwrap();
        let start = Instant::now();
        while cpu_time(us).unwrap() == before {
            assert!(
                start.elapsed().as_secs() < 30,
                "no CPU time in 30 s of work"
            );
        }
    }

    #[test]
    fn a_mapped_memory_file_is_counted_once() {
        let us = std::process::id();
        let before = Footprint::of(&[us]).unwrap();
        assert!(before.rss_bytes > 0);
        let capacity = isotonic_shm::RingCapacity::new(256 * 1024).unwrap();
        let (_segment, file) = isotonic_shm::OwnSegment::create(capacity).unwrap();
        let _peer = isotonic_shm::PeerSegment::map(file, capacity).unwrap();
        let after = Footprint::of(&[us, us]).unwrap();
        let grown = after.shm_bytes - before.shm_bytes;
        assert!((256 * 1024..512 * 1024).contains(&grown), "{grown} B");
    }
}
