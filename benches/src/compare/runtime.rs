//! What both processes have in common: CPUs, worker threads, descriptors.

use super::options::RuntimeOptions;
use crate::Result;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::future::Future;

/// Runs a process's work on a runtime of tokio's default kind.
pub(crate) fn run<F>(options: &RuntimeOptions, work: F) -> Result<()>
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    // Before the runtime starts its threads: they get the CPUs of this one, and there are as many as it has CPUs.
    pin(&options.cpus)?;
    allow_many_descriptors()?;
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if let Some(workers) = options.workers {
        builder.worker_threads(workers.into());
    }
    let runtime = builder.enable_all().build()?;
    // On a worker, as in a service: this thread stands beside them, and waking it would cost every call some 30 µs.
    runtime.block_on(async { tokio::spawn(work).await? })
}

/// The CPUs that were asked for, or all that this thread may run on. Empty if they are too many to be told.
pub(super) fn cpus(asked_for: &[u16]) -> Vec<u16> {
    if !asked_for.is_empty() {
        return asked_for.to_vec();
    }
    let allowed = sched_getaffinity(None).ok();
    let allowed = |cpu: &u16| allowed.is_some_and(|set| set.is_set((*cpu).into()));
    (0..CpuSet::MAX_CPU as u16).filter(allowed).collect()
}

/// Pins the calling thread, and those that it starts later, unless the list is empty.
pub(crate) fn pin(cpus: &[u16]) -> Result<()> {
    if cpus.is_empty() {
        return Ok(());
    }
    let mut set = CpuSet::new();
    for &cpu in cpus {
        set.set(cpu.into());
    }
    sched_setaffinity(None, &set)
        .map_err(|error| format!("cannot run on the CPUs {cpus:?}: {error}").into())
}

/// A thousand connections take more than the usual soft limit.
fn allow_many_descriptors() -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    Ok(setrlimit(Resource::Nofile, raised)?)
}
