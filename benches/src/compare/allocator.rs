//! What the allocator of the measured processes does with memory that was freed.

use clap::ValueEnum;
use serde::Serialize;

const TUNABLES: &str = "GLIBC_TUNABLES";

/// Nothing below 1 GiB is given back, nor mapped by itself.
const KEEPING: &str =
    "glibc.malloc.trim_threshold=1073741824:glibc.malloc.mmap_threshold=1073741824";

/// Of glibc, the only allocator whose ways can be chosen from outside. Others pay no heed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Allocator {
    /// Keeps freed memory, as services with large messages should have it.
    #[default]
    Keeping,
    /// As the environment says, and else as it comes: gives large freed memory back to the kernel, which then maps and clears every page of a large
    /// message anew.
    Default,
}

impl Allocator {
    /// GLIBC_TUNABLES of the measured processes (the manual of glibc, "Memory Allocation Tunables").
    pub(crate) fn tunables(self) -> Option<String> {
        match self {
            Self::Keeping => Some(KEEPING.to_owned()),
            Self::Default => std::env::var(TUNABLES).ok(),
        }
    }

    /// What is to be set in the environment of a measured process, which has ours otherwise.
    pub(crate) fn environment(self) -> Option<(&'static str, &'static str)> {
        (self == Self::Keeping).then_some((TUNABLES, KEEPING))
    }
}
