//! The numbers of calls that some architectures have in an older form, too.

#![allow(dead_code, unused_imports)] // Each test program uses its part.

#[cfg(not(target_arch = "x86_64"))]
#[path = "newer.rs"]
mod of_this_machine;
#[cfg(target_arch = "x86_64")]
#[path = "x86_64.rs"]
mod of_this_machine;

pub(crate) use of_this_machine::{CHMOD, OPEN, UNLINK};
