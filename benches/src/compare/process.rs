//! What the kernel knows about a process: its CPU time, its memory, how often its threads went to sleep.

use crate::Result;
use nix::time::ClockId;
use nix::unistd::Pid;
use procfs::ProcError;
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
    /// How often a thread, of those that still run, gave up its CPU to wait. It was woken as often.
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
        let mut files = MemoryFiles::default();
        for &process in processes {
            footprint.cpu_time += cpu_time(process)?;
            let process = Process::new(i32::try_from(process)?)?;
            let status = process.status()?;
            let rss_kib = status.rssanon.unwrap_or(0) + status.rssfile.unwrap_or(0);
            footprint.rss_bytes += rss_kib * 1024;
            footprint.wakeups += wakeups(&process)?;
            files.add_mapped_by(&process)?;
        }
        footprint.shm_bytes = files.0.values().sum();
        Ok(footprint)
    }
}

fn wakeups(process: &Process) -> Result<u64> {
    let mut wakeups = 0;
    for thread in process.tasks()? {
        // A thread may end between being listed and being read.
        match thread.and_then(|thread| thread.status()) {
            Ok(status) => wakeups += status.voluntary_ctxt_switches.unwrap_or(0),
            Err(ProcError::NotFound(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(wakeups)
}

/// The size in bytes of each mapped memory file, by device and inode.
#[derive(Default)]
struct MemoryFiles(HashMap<((i32, i32), u64), u64>);

impl MemoryFiles {
    fn add_mapped_by(&mut self, process: &Process) -> Result<()> {
        for map in process.maps()? {
            if is_memory_file(&map.pathname) {
                let end = map.offset + (map.address.1 - map.address.0);
                let size = self.0.entry((map.dev, map.inode)).or_insert(0);
                *size = end.max(*size);
            }
        }
        Ok(())
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
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
    use std::thread;
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
    fn threads_that_end_meanwhile_do_no_harm() {
        let us = Process::myself().unwrap();
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Relaxed) {
                    let ending: Vec<_> = (0..8).map(|_| thread::spawn(|| {})).collect();
                    ending.into_iter().for_each(|thread| thread.join().unwrap());
                }
            });
            let counted: Vec<_> = (0..500).map(|_| wakeups(&us)).collect();
            done.store(true, Relaxed);
            counted.into_iter().for_each(|count| _ = count.unwrap());
        });
    }

    #[test]
    fn a_mapped_memory_file_is_counted_once() {
        let us = Process::myself().unwrap();
        let capacity = isotonic_shm::RingCapacity::new(256 * 1024).unwrap();
        let (_segment, file) = isotonic_shm::OwnSegment::create(capacity).unwrap();
        let inode = rustix::fs::fstat(&file).unwrap().st_ino;
        let _peer = isotonic_shm::PeerSegment::map(file, capacity).unwrap();

        let mut files = MemoryFiles::default();
        files.add_mapped_by(&us).unwrap();
        files.add_mapped_by(&us).unwrap();

        // Other tests of this process may have mapped other files.
        let sizes: Vec<_> = files.0.iter().filter(|((_, of), _)| *of == inode).collect();
        assert!(
            matches!(sizes[..], [(_, size)] if (256 * 1024..512 * 1024).contains(size)),
            "{sizes:?}"
        );
    }
}
