//! The CPUs that this process may run on.

/// How many there are (`sched_getaffinity(2)` of the main thread; a process pinned by `taskset` or a cpuset has
/// fewer than the machine).
pub(crate) fn cpus() -> usize {
    // A failure means a machine with more CPUs than the set can show.
    rustix::thread::sched_getaffinity(Some(rustix::process::getpid()))
        .map_or(usize::MAX, |cpus| cpus.count() as usize)
}
