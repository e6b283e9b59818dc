//! What the allocator of the measured processes does with memory that was freed.

use clap::ValueEnum;
use serde::Serialize;

/// Where glibc reads its settings (the manual of glibc, "Memory Allocation Tunables").
pub(crate) const TUNABLES: &str = "GLIBC_TUNABLES";

/// Of glibc, the only allocator whose ways can be chosen from outside. Others pay no heed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Allocator {
    /// Keeps freed memory, as services with large messages should have it.
    #[default]
    Keeping,
    /// As the environment says, and else as glibc comes: it gives large freed memory back to the kernel, which then
    /// maps and clears every page of a large message anew.
    AsIs,
}

impl Allocator {
    /// [`TUNABLES`] of the measured processes.
    pub(crate) fn tunables(self) -> Option<String> {
        match self {
            // Nothing below 1 GiB is given back, nor mapped by itself.
            Self::Keeping => Some(
                "glibc.malloc.trim_threshold=1073741824:glibc.malloc.mmap_threshold=1073741824"
                    .to_owned(),
            ),
            Self::AsIs => std::env::var(TUNABLES).ok(),
        }
    }
}
