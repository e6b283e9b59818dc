//! Descriptors that are no segment, or not a whole one, offered as one to either side. Were one of them
//! mapped, its owner could cut it away under us, make us pay for its memory, or make us wait.

use crate::alone::alone;
use crate::attach_to_a_server::stays_on_the_socket;
use crate::echo_server::survives;
use crate::raw_peer::{ATTACH, REFUSED_SEGMENT, attachment, close};
use crate::records_to_a_client::{against, answering, move_over, read_to_end, refuses};
use crate::records_to_a_server;
use crate::segments::{
    CAPACITY, SEALS, SEGMENT_LEN, good_segment, seal, seal_with, segment_of, unsealed,
};
use isotonic_link::{LinkKind, Reason, SegmentRefused, ShmMode};
use rustix::event::{EventfdFlags, epoll, eventfd};
use rustix::fs::{
    FallocateFlags, MemfdFlags, Mode, OFlags, SealFlags, fallocate, ftruncate, memfd_create, open,
};
use rustix::pipe::pipe;
use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::os::unix::net::{UnixListener, UnixStream};

const PAGE: u64 = 4096;

/// A huge page of any size that a kernel has by default is a multiple of this.
const HUGE: u64 = 2 * 1024 * 1024;

struct Impostor {
    what: &'static str,
    make: fn() -> OwnedFd,
    is_right: fn(&SegmentRefused) -> bool,
}

/// The check that refuses it is told, so that none of the checks can go missing behind another.
const fn impostor(
    what: &'static str,
    make: fn() -> OwnedFd,
    is_right: fn(&SegmentRefused) -> bool,
) -> Impostor {
    Impostor {
        what,
        make,
        is_right,
    }
}

const IMPOSTORS: &[Impostor] = &[
    // Memory that can still change its size, be written by others, or be given another seal.
    impostor("may shrink", || without(SealFlags::SHRINK), lacks_seals),
    impostor("may grow", || without(SealFlags::GROW), lacks_seals),
    impostor("writable", || without(SealFlags::FUTURE_WRITE), lacks_seals),
    impostor("sealable", || without(SealFlags::SEAL), lacks_seals),
    impostor("no seals", || unsealed(SEGMENT_LEN), lacks_seals),
    impostor("never writable", never_writable, lacks_seals),
    impostor("sealing forbidden", unsealable, lacks_seals),
    impostor("a named tmpfs file", tmpfs_file, lacks_seals),
    impostor(
        "unsealed, read-only",
        || read_only(unsealed(SEGMENT_LEN)),
        lacks_seals,
    ),
    // What is no memory at all.
    impostor("a regular file", regular_file, lacks_seals),
    impostor(
        "a directory",
        || File::open("/").unwrap().into(),
        lacks_seals,
    ),
    impostor(
        "/dev/zero",
        || File::open("/dev/zero").unwrap().into(),
        lacks_seals,
    ),
    impostor("a pipe to read", || pipe().unwrap().0, lacks_seals),
    impostor("a pipe to write", || pipe().unwrap().1, lacks_seals),
    impostor(
        "a socket",
        || UnixStream::pair().unwrap().0.into(),
        lacks_seals,
    ),
    impostor("a listening socket", listening_socket, lacks_seals),
    impostor(
        "an eventfd",
        || eventfd(0, EventfdFlags::empty()).unwrap(),
        lacks_seals,
    ),
    impostor(
        "an epoll",
        || epoll::create(epoll::CreateFlags::empty()).unwrap(),
        lacks_seals,
    ),
    // A segment that we may not read.
    impostor(
        "only a name",
        || reopened(&good_segment(), OFlags::PATH),
        is_syscall,
    ),
    impostor(
        "write-only",
        || reopened(&good_segment(), OFlags::WRONLY),
        is_syscall,
    ),
    // Huge pages: reading one that is not reserved is a SIGBUS. None needs to be reserved to make it.
    impostor("huge pages", huge_pages, is_not_tmpfs),
    // Another size than declared.
    impostor("empty", || sparse(0), is_of_wrong_size),
    impostor(
        "a page short",
        || segment_of(SEGMENT_LEN - PAGE),
        is_of_wrong_size,
    ),
    impostor(
        "a byte short",
        || segment_of(SEGMENT_LEN - 1),
        is_of_wrong_size,
    ),
    impostor(
        "a byte long",
        || segment_of(SEGMENT_LEN + 1),
        is_of_wrong_size,
    ),
    impostor(
        "a page long",
        || segment_of(SEGMENT_LEN + PAGE),
        is_of_wrong_size,
    ),
    impostor("huge and sparse", || sparse(1 << 40), is_of_wrong_size),
    // Holes: reading one allocates memory, to our charge.
    impostor("sparse", || sparse(SEGMENT_LEN), is_not_allocated),
    impostor(
        "lacking its first page",
        || without_page(0, 0),
        is_not_allocated,
    ),
    impostor(
        "lacking its last page",
        || without_page(16, 0),
        is_not_allocated,
    ),
    impostor(
        "with a page beyond instead",
        || without_page(8, 1),
        has_a_hole,
    ),
    impostor("all beyond its end", all_beyond, has_a_hole),
];

fn lacks_seals(refused: &SegmentRefused) -> bool {
    matches!(refused, SegmentRefused::MissingSeals { .. })
}

fn is_syscall(refused: &SegmentRefused) -> bool {
    matches!(refused, SegmentRefused::Syscall { .. })
}

fn is_not_tmpfs(refused: &SegmentRefused) -> bool {
    matches!(refused, SegmentRefused::NotTmpfs { .. })
}

fn is_of_wrong_size(refused: &SegmentRefused) -> bool {
    matches!(refused, SegmentRefused::WrongSize { .. })
}

fn is_not_allocated(refused: &SegmentRefused) -> bool {
    matches!(refused, SegmentRefused::NotAllocated { .. })
}

fn has_a_hole(refused: &SegmentRefused) -> bool {
    matches!(refused, SegmentRefused::Hole { .. })
}

fn without(seal: SealFlags) -> OwnedFd {
    seal_with(unsealed(SEGMENT_LEN), SEALS.difference(seal))
}

/// Sealed against every write, which is more than enough to be safe, but no ring.
fn never_writable() -> OwnedFd {
    let seals = SEALS
        .difference(SealFlags::FUTURE_WRITE)
        .union(SealFlags::WRITE);
    seal_with(unsealed(SEGMENT_LEN), seals)
}

fn unsealable() -> OwnedFd {
    let file = memfd_create(c"hostile", MemfdFlags::CLOEXEC).unwrap();
    fallocate(&file, FallocateFlags::empty(), 0, SEGMENT_LEN).unwrap();
    file
}

/// On the same file system as a segment; asking for its seals succeeds.
fn tmpfs_file() -> OwnedFd {
    let file = tempfile::tempfile_in("/dev/shm").unwrap();
    file.set_len(SEGMENT_LEN).unwrap();
    file.into()
}

fn regular_file() -> OwnedFd {
    let file = tempfile::tempfile().unwrap();
    file.set_len(SEGMENT_LEN).unwrap();
    file.into()
}

fn listening_socket() -> OwnedFd {
    let folder = tempfile::tempdir().unwrap();
    let listener = UnixListener::bind(folder.path().join("s")).unwrap();
    listener.into()
}

fn huge_pages() -> OwnedFd {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING | MemfdFlags::HUGETLB;
    let file = memfd_create(c"hostile", flags).unwrap();
    ftruncate(&file, HUGE).unwrap();
    seal(file)
}

fn sealable() -> OwnedFd {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    memfd_create(c"hostile", flags).unwrap()
}

fn sparse(len: u64) -> OwnedFd {
    let file = sealable();
    ftruncate(&file, len).unwrap();
    seal(file)
}

/// Every page but this one is there, and this many beyond the end.
fn without_page(missing: u64, beyond: u64) -> OwnedFd {
    let file = File::from(sealable());
    file.set_len(SEGMENT_LEN).unwrap();
    for page in (0..SEGMENT_LEN / PAGE).filter(|&page| page != missing) {
        file.write_all_at(&[1; PAGE as usize], page * PAGE).unwrap();
    }
    if beyond > 0 {
        let keep = FallocateFlags::KEEP_SIZE;
        fallocate(&file, keep, SEGMENT_LEN, beyond * PAGE).unwrap();
    }
    seal(file.into())
}

fn all_beyond() -> OwnedFd {
    let file = sealable();
    ftruncate(&file, SEGMENT_LEN).unwrap();
    let keep = FallocateFlags::KEEP_SIZE;
    fallocate(&file, keep, SEGMENT_LEN, SEGMENT_LEN).unwrap();
    seal(file)
}

fn reopened(file: &OwnedFd, how: OFlags) -> OwnedFd {
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    open(path, how | OFlags::CLOEXEC, Mode::empty()).unwrap()
}

fn read_only(file: OwnedFd) -> OwnedFd {
    reopened(&file, OFlags::RDONLY)
}

fn is_refused_rightly(impostor: &Impostor, reason: &Reason) {
    let right = matches!(reason, Reason::SegmentRefused(refused) if (impostor.is_right)(refused));
    assert!(right, "{}: {reason}", impostor.what);
}

#[test]
fn a_server_refuses_each_and_goes_on_without_shared_memory() {
    for impostor in IMPOSTORS {
        println!("{}", impostor.what);
        let reason = stays_on_the_socket(CAPACITY, impostor.make, REFUSED_SEGMENT);
        is_refused_rightly(impostor, &reason);
    }
}

#[test]
fn a_client_refuses_each() {
    for impostor in IMPOSTORS {
        println!("{}", impostor.what);
        let reason = refuses(CAPACITY, impostor.make, REFUSED_SEGMENT);
        is_refused_rightly(impostor, &reason);
    }
}

/// Its name would keep the connection open if we kept it.
#[test]
fn a_server_refuses_the_other_end_of_the_very_connection() {
    alone(|| {
        survives(async |server, client| {
            client.shake_hands();
            client.send_itself_with(&attachment(ATTACH, CAPACITY));
            assert_eq!(client.receive_step().refusal(), Some(REFUSED_SEGMENT));
            client.echoes(b"still there");
            drop(client);
            assert_eq!(server.next_end().await.link.kind(), LinkKind::Uds);
        })
    });
}

/// Reading is all that we do.
#[test]
fn a_good_segment_that_is_open_for_reading_only_is_as_good() {
    alone(|| {
        survives(async |server, client| {
            client.shake_hands();
            records_to_a_server::move_over(&client, &read_only(good_segment()));
            drop(client);
            assert_eq!(server.next_end().await.link.kind(), LinkKind::Shm);
        })
    });
    let serve = answering(|peer| {
        move_over(peer, &read_only(good_segment()));
        peer.send(&close(0));
    });
    against(ShmMode::Require, serve, async |link| {
        assert_eq!(read_to_end(link).await.unwrap(), b"");
    });
}
