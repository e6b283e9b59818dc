//! The newer form only.

pub(crate) const OPEN: &[i64] = &[libc::SYS_openat];
pub(crate) const CHMOD: &[i64] = &[libc::SYS_fchmodat];
pub(crate) const UNLINK: &[i64] = &[libc::SYS_unlinkat];
