//! Both forms.

pub(crate) const OPEN: &[i64] = &[libc::SYS_open, libc::SYS_openat];
pub(crate) const CHMOD: &[i64] = &[libc::SYS_chmod, libc::SYS_fchmodat];
pub(crate) const UNLINK: &[i64] = &[libc::SYS_unlink, libc::SYS_unlinkat];
