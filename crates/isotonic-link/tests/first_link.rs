//! The first link of a process, on a kernel that does not tell the size of a page (before Linux 6.4), while
//! no file can be opened to find it out. Asked once in a process, hence this is a program of its own.

#![cfg(target_os = "linux")]
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)] // A test fails by panicking.

#[path = "errno/injection.rs"]
mod injection;
#[path = "errno/numbers/mod.rs"]
mod numbers;
mod patience;

use injection::{Argument, Call};
use isotonic_link::{Address, Connector, LinkKind, Listener, ShmMode};
use patience::within;
use rustix::io::Errno;
use tempfile::TempDir;

/// linux/prctl.h.
const PR_GET_AUXV: u32 = 0x4155_5856;

const ASK_FOR_PAGE_SIZE: Call = Call {
    name: "prctl(PR_GET_AUXV)",
    numbers: &[libc::SYS_prctl],
    with: &[Argument {
        index: 0,
        mask: u32::MAX,
        bits: PR_GET_AUXV,
    }],
};

const OPEN: Call = Call {
    name: "open",
    numbers: numbers::OPEN,
    with: &[],
};

#[tokio::test]
async fn it_moves_into_shared_memory() {
    let folder = TempDir::new().unwrap();
    let address = Address::Unix(folder.path().join("s"));
    let mut listener = Listener::bind([address.clone()]).await.unwrap();
    ASK_FOR_PAGE_SIZE.fails_with(Errno::INVAL);
    OPEN.fails_with(Errno::MFILE);
    let connector = Connector::default().shm_mode(ShmMode::Require);
    let both = async { tokio::join!(connector.connect(&address), listener.accept()) };
    let (client, server) = within("the link", both).await;
    assert_eq!(client.unwrap().info().kind(), LinkKind::Shm);
    drop(server);
    // It did fail.
    assert_eq!(
        std::fs::read_dir(&folder).unwrap_err().raw_os_error(),
        Some(Errno::MFILE.raw_os_error())
    );
}
