//! Creating our own segment, and deciding whether to trust one that a peer sent.

use crate::error::{CreateError, SegmentRefused};
use crate::layout::RingCapacity;
use crate::mapping::{OwnMapping, PeerMapping};
use nix::sys::resource::{Resource, getrlimit};
use rustix::fs::{
    FallocateFlags, MemfdFlags, SealFlags, fallocate, fcntl_add_seals, fcntl_get_seals, fstat,
    fstatfs, memfd_create,
};
use rustix::io::{Errno, retry_on_intr};
use rustix::param::page_size;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

/// The seals that every segment carries: its size is fixed, no new writable view of it can be made
/// (Linux 5.1; our own mapping, made before, still writes), and no seal can be added.
const SEALS: SealFlags = SealFlags::SHRINK
    .union(SealFlags::GROW)
    .union(SealFlags::FUTURE_WRITE)
    .union(SealFlags::SEAL);

/// The file system of every memfd that is not made of huge pages (linux/magic.h).
const TMPFS_MAGIC: i64 = 0x0102_1994;

/// The unit of `st_blocks`, in bytes (stat(3type)).
const STAT_BLOCK: u64 = 512;

/// Our own segment: an anonymous sealed file, fully allocated, mapped for writing by us alone.
///
/// It has no name anywhere and its memory is freed when the last mapping and descriptor of it are
/// gone. For an example see the [crate's](crate).
#[derive(Debug)]
pub struct OwnSegment(pub(crate) OwnMapping);

impl OwnSegment {
    /// Creates, allocates, maps and seals a segment with a ring of `capacity`, and returns it with the
    /// descriptor to send to the peer. All of its memory is allocated now: nothing can fault later.
    ///
    /// # Errors
    /// [`CreateError`] with the failed call and its errno; nothing is left open.
    pub fn create(capacity: RingCapacity) -> Result<(Self, OwnedFd), CreateError> {
        let len = capacity.segment_len(page_size());
        let failed = |call| {
            move |errno: Errno| CreateError {
                call,
                errno: errno.raw_os_error(),
                bytes: len,
            }
        };

        // Growing a file past RLIMIT_FSIZE raises SIGXFSZ, which would end the process.
        // rustix takes this call for one that cannot fail (1.1.6): where a sandbox forbids it, that panics or
        // returns uninitialised memory.
        let (limit, _) = getrlimit(Resource::RLIMIT_FSIZE)
            .map_err(|error| errno_of(&error.into()))
            .map_err(failed("getrlimit(RLIMIT_FSIZE)"))?;
        if limit < len as u64 {
            return Err(failed("setrlimit(RLIMIT_FSIZE)")(Errno::FBIG));
        }
        let file = anonymous_file().map_err(failed("memfd_create"))?;
        // Allocates every page and sets the size; ENOSPC comes here and not as SIGBUS at first touch. A signal
        // meanwhile undoes it.
        retry_on_intr(|| fallocate(&file, FallocateFlags::empty(), 0, len as u64))
            .map_err(failed("fallocate"))?;
        // Mapping it populated writes every page once: one that never was would pass for a hole.
        let mapping = OwnMapping::new(&file, len, capacity)
            .map_err(|error| failed("mmap")(errno_of(&error)))?;
        fcntl_add_seals(&file, SEALS).map_err(failed("fcntl(F_ADD_SEALS)"))?;
        Ok((Self(mapping), file))
    }
}

/// A segment that the peer created, mapped read-only after every check that makes it safe to read:
/// whatever the peer does afterwards, reading it cannot fault and cannot cost us memory.
#[derive(Debug)]
pub struct PeerSegment(pub(crate) PeerMapping);

impl PeerSegment {
    /// Checks a descriptor that a peer sent and maps it. `capacity` is the ring capacity that the peer
    /// declared. The descriptor is not needed afterwards. No call here can block, whatever it is.
    ///
    /// # Errors
    /// [`SegmentRefused`] with what is wrong with it.
    pub fn map(file: impl AsFd, capacity: RingCapacity) -> Result<Self, SegmentRefused> {
        let file = file.as_fd();
        let len = capacity.segment_len(page_size());
        let failed = |call| {
            move |errno: Errno| SegmentRefused::Syscall {
                call,
                errno: errno.raw_os_error(),
            }
        };

        // EINVAL: a file that cannot carry seals. On a file of /dev/shm the call succeeds, so only the
        // mask decides.
        let seals = match fcntl_get_seals(file) {
            Ok(seals) => seals,
            Err(Errno::INVAL) => SealFlags::empty(),
            Err(errno) => return Err(failed("fcntl(F_GET_SEALS)")(errno)),
        };
        // F_SEAL_WRITE is stronger than F_SEAL_FUTURE_WRITE, but no live ring can have it.
        if !seals.contains(SEALS) {
            return Err(SegmentRefused::MissingSeals {
                seen: seals.bits(),
                required: SEALS.bits(),
            });
        }
        let file_system = fstatfs(file).map_err(failed("fstatfs"))?.f_type;
        if file_system != TMPFS_MAGIC {
            return Err(SegmentRefused::NotTmpfs { seen: file_system });
        }
        // From here on the answers cannot change: size and allocation are sealed.
        let stat = fstat(file).map_err(failed("fstat"))?;
        let expected = len as u64;
        let seen = stat.st_size.cast_unsigned();
        if seen != expected {
            return Err(SegmentRefused::WrongSize { seen, expected });
        }
        let allocated = stat.st_blocks.cast_unsigned().saturating_mul(STAT_BLOCK);
        if allocated < expected {
            return Err(SegmentRefused::NotAllocated {
                allocated,
                expected,
            });
        }
        let mapping = PeerMapping::new(file, len, capacity)
            .map_err(|error| failed("mmap")(errno_of(&error)))?;
        // Blocks beyond the end of the file count, too (FALLOC_FL_KEEP_SIZE), so they alone could hide a hole.
        let hole = mapping
            .first_hole()
            .map_err(|error| failed("mincore")(errno_of(&error)))?;
        if let Some(at) = hole {
            return Err(SegmentRefused::Hole { at: at as u64 });
        }
        mapping.populate();
        Ok(Self(mapping))
    }
}

/// A memfd that can be sealed and, where the kernel knows the flag (Linux 6.3), never executed.
fn anonymous_file() -> Result<OwnedFd, Errno> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    match memfd_create(c"isotonic", flags | MemfdFlags::NOEXEC_SEAL) {
        Err(Errno::INVAL) => memfd_create(c"isotonic", flags),
        result => result,
    }
}

fn errno_of(error: &io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}

#[cfg(test)]
#[allow(unsafe_code, reason = "plays a peer that holds a lock")]
mod tests {
    use super::*;
    use rustix::fs::ftruncate;
    use rustix::pipe::pipe;
    use std::fs::File;
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::FileExt;

    const CAPACITY: RingCapacity = match RingCapacity::new(64 * 1024) {
        Ok(capacity) => capacity,
        Err(_) => panic!("a power of two"),
    };

    fn memfd(len: u64, seals: SealFlags, allocate: bool) -> OwnedFd {
        let file = anonymous_file().unwrap();
        if allocate {
            fallocate(&file, FallocateFlags::empty(), 0, len).unwrap();
        } else {
            ftruncate(&file, len).unwrap();
        }
        fcntl_add_seals(&file, seals).unwrap();
        file
    }

    fn expected_len() -> u64 {
        CAPACITY.segment_len(page_size()) as u64
    }

    #[test]
    fn our_own_segment_passes_our_own_checks() {
        let (_segment, file) = OwnSegment::create(CAPACITY).unwrap();
        PeerSegment::map(&file, CAPACITY).unwrap();
    }

    #[test]
    fn nobody_can_write_or_resize_a_segment_that_was_sent() {
        let (_segment, file) = OwnSegment::create(CAPACITY).unwrap();
        let written = File::from(file.try_clone().unwrap()).write_at(b"x", 0);
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(ftruncate(&file, 0), Err(Errno::PERM));
        assert_eq!(ftruncate(&file, 1 << 20), Err(Errno::PERM));
        let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        assert_eq!(fallocate(&file, hole, 0, 4096), Err(Errno::PERM));
        assert!(OwnMapping::new(&file, 4096 + CAPACITY.bytes(), CAPACITY).is_err());
    }

    #[test]
    fn each_missing_seal_is_refused() {
        for missing in SEALS.iter() {
            let file = memfd(expected_len(), SEALS.difference(missing), true);
            let refused = PeerSegment::map(&file, CAPACITY).unwrap_err();
            assert!(
                matches!(refused, SegmentRefused::MissingSeals { .. }),
                "{missing:?}: {refused}"
            );
        }
    }

    #[test]
    fn what_is_not_a_memfd_is_refused() {
        let (pipe_end, _other) = pipe().unwrap();
        let folder = File::open("/").unwrap();
        let regular = tempfile::tempfile().unwrap();
        let device = File::open("/dev/zero").unwrap();
        for file in [
            pipe_end.as_fd(),
            folder.as_fd(),
            regular.as_fd(),
            device.as_fd(),
        ] {
            let refused = PeerSegment::map(file, CAPACITY).unwrap_err();
            assert!(
                matches!(refused, SegmentRefused::MissingSeals { .. }),
                "{refused}"
            );
        }
    }

    #[test]
    fn a_wrong_size_is_refused() {
        for len in [
            expected_len() - 4096,
            expected_len() + 4096,
            expected_len() - 1,
        ] {
            let refused = PeerSegment::map(memfd(len, SEALS, true), CAPACITY).unwrap_err();
            assert_eq!(
                refused,
                SegmentRefused::WrongSize {
                    seen: len,
                    expected: expected_len()
                }
            );
        }
    }

    #[test]
    fn a_hole_that_blocks_beyond_the_end_make_up_for_is_refused() {
        let file = anonymous_file().unwrap();
        let len = expected_len();
        ftruncate(&file, len).unwrap();
        fallocate(&file, FallocateFlags::KEEP_SIZE, len, len).unwrap();
        fcntl_add_seals(&file, SEALS).unwrap();
        let refused = PeerSegment::map(&file, CAPACITY).unwrap_err();
        assert_eq!(refused, SegmentRefused::Hole { at: 0 });
    }

    #[test]
    fn a_sparse_file_is_refused() {
        let refused = PeerSegment::map(memfd(expected_len(), SEALS, false), CAPACITY).unwrap_err();
        assert_eq!(
            refused,
            SegmentRefused::NotAllocated {
                allocated: 0,
                expected: expected_len()
            }
        );
    }

    /// Somebody else may hold the lock of the descriptor's offset for as long as he likes: in a `read` into
    /// memory that never comes.
    #[test]
    fn a_locked_offset_does_not_hold_us_up() {
        let Some(never_there) = memory_that_never_comes() else {
            eprintln!("not tried: this user may not have memory that never comes (userfaultfd)");
            return;
        };
        let (_segment, file) = OwnSegment::create(CAPACITY).unwrap();
        // Only what was opened has such a lock.
        let file = File::open(format!("/proc/self/fd/{}", file.as_raw_fd())).unwrap();
        let reader = file.as_raw_fd();
        std::thread::spawn(move || {
            // SAFETY: the memory is never unmapped. The call returns only with the process.
            unsafe { libc::read(reader, never_there as *mut libc::c_void, 4096) }
        });
        // It holds the lock once it sleeps in the kernel.
        let tasks = || std::fs::read_dir("/proc/self/task").unwrap();
        let in_read = |task: std::fs::DirEntry| {
            let call = std::fs::read_to_string(task.path().join("syscall"));
            call.is_ok_and(|call| call.starts_with(&format!("{} {reader:#x} ", libc::SYS_read)))
        };
        while !tasks().any(|task| in_read(task.unwrap())) {
            std::thread::yield_now();
        }
        let (report, reports) = std::sync::mpsc::channel();
        let checked = file.try_clone().unwrap();
        std::thread::spawn(move || report.send(PeerSegment::map(&checked, CAPACITY).is_ok()));
        let mapped = reports.recv_timeout(std::time::Duration::from_secs(30));
        assert_eq!(mapped, Ok(true), "the checks wait for a lock");
        // The reader still uses it.
        std::mem::forget(file);
    }

    /// A page whose first touch waits for ever (userfaultfd(2)).
    fn memory_that_never_comes() -> Option<usize> {
        const LEN: usize = 4096;
        const UFFDIO_API: libc::c_ulong = 0xC018_AA3F;
        const UFFDIO_REGISTER: libc::c_ulong = 0xC020_AA00;
        // SAFETY: takes flags only.
        let descriptor = unsafe { libc::syscall(libc::SYS_userfaultfd, libc::O_CLOEXEC) };
        let descriptor = i32::try_from(descriptor)
            .ok()
            .filter(|&number| number >= 0)?;
        // SAFETY: a new anonymous mapping.
        let page = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                LEN,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        let (mut api, mut range) = ([0xAA_u64, 0, 0], [page as u64, LEN as u64, 1, 0]);
        // SAFETY: `struct uffdio_api` and `struct uffdio_register`, as the requests want them.
        let registered = unsafe {
            libc::ioctl(descriptor, UFFDIO_API as _, &raw mut api) == 0
                && libc::ioctl(descriptor, UFFDIO_REGISTER as _, &raw mut range) == 0
        };
        registered.then_some(page as usize)
    }
}
