//! The machine that was measured on.

use procfs::{CpuInfo, Current, Meminfo};
use serde::Serialize;
use std::time::{SystemTime, UNIX_EPOCH};

/// What a reader of the figures needs to know of the machine.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Host {
    pub(crate) cpu: String,
    pub(crate) cpus: usize,
    pub(crate) memory_bytes: u64,
    pub(crate) kernel: String,
    pub(crate) tonic: &'static str,
    pub(crate) isotonic: &'static str,
    /// Without optimisation the figures mean nothing.
    pub(crate) optimised: bool,
    /// Seconds since 1970, in UTC.
    pub(crate) measured_at: u64,
}

impl Host {
    /// This one; what it does not tell is left empty.
    pub(crate) fn here() -> Self {
        let cpus = CpuInfo::current().ok();
        Self {
            cpu: cpus
                .as_ref()
                .and_then(|cpus| cpus.model_name(0))
                .unwrap_or("unknown")
                .to_owned(),
            cpus: cpus.map_or(0, |cpus| cpus.num_cores()),
            memory_bytes: Meminfo::current().map_or(0, |memory| memory.mem_total),
            kernel: procfs::sys::kernel::Version::current().map_or(
                "unknown".to_owned(),
                |version| {
                    format!(
                        "Linux {}.{}.{}",
                        version.major, version.minor, version.patch
                    )
                },
            ),
            tonic: env!("TONIC_VERSION"),
            isotonic: env!("CARGO_PKG_VERSION"),
            optimised: !cfg!(debug_assertions),
            measured_at: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| since.as_secs()),
        }
    }
}
