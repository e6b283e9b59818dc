//! A descriptor that cannot be closed: a file whose file system, a process of the peer's, never answers.
//! It holds up nothing of ours but the place of the connection that it came by.

use crate::alone::alone;
use crate::descriptors::{closed_down_to, open_descriptors};
use crate::echo_server::EchoServer;
use crate::patience::within;
use crate::raw_peer::{ATTACH, REFUSED, RawPeer, attachment, hello};
use crate::segments::CAPACITY;
use isotonic_link::{ConnectError, Connector, Incident, Listener, Quota};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::path::PathBuf;
use std::thread::{self, JoinHandle};
use tempfile::TempDir;

/// Operations of the FUSE protocol (linux/fuse.h).
const GETATTR: u32 = 3;
const OPEN: u32 = 14;
const FLUSH: u32 = 25;
const INIT: u32 = 26;

/// A mounted file, the root of its own file system, that can be opened and never closed.
struct HangingFile {
    path: PathBuf,
    file: Option<File>,
    server: Option<JoinHandle<()>>,
    _folder: TempDir,
}

impl HangingFile {
    /// `None` where this user may not mount.
    fn mount() -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            eprintln!("not tried: mounting a file system needs root");
            return None;
        }
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("file");
        File::create(&path).unwrap();
        let device = OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/fuse")
            .unwrap();
        let options = format!(
            "fd={},rootmode=100644,user_id=0,group_id=0",
            device.as_raw_fd()
        );
        let options = CString::new(options).unwrap();
        mount(
            "hanging",
            &path,
            "fuse",
            MountFlags::empty(),
            options.as_c_str(),
        )
        .unwrap();
        let server = thread::spawn(move || serve(device));
        Some(Self {
            file: Some(File::open(&path).unwrap()),
            path,
            server: Some(server),
            _folder: folder,
        })
    }

    fn file(&self) -> &File {
        self.file.as_ref().unwrap()
    }

    /// From now on everything that hangs fails instead.
    fn give_up(&mut self) {
        if let Some(server) = self.server.take() {
            // Ends the connection between kernel and server, and with it what waits for an answer.
            unmount(&self.path, UnmountFlags::FORCE | UnmountFlags::DETACH).unwrap();
            server.join().unwrap();
            self.file = None;
        }
    }
}

impl Drop for HangingFile {
    fn drop(&mut self) {
        self.give_up();
    }
}

/// Answers what is needed to open the file, and no flush, until it is unmounted.
fn serve(mut device: File) {
    let mut request = vec![0; 64 * 1024];
    while let Ok(len) = device.read(&mut request) {
        let number = |at: usize| u32::from_le_bytes(request[at..at + 4].try_into().unwrap());
        assert!(len >= 40, "a request of {len} B");
        let answer = match number(4) {
            INIT => {
                let mut answer = vec![0; 64];
                answer[..4].copy_from_slice(&7u32.to_le_bytes());
                answer[4..8].copy_from_slice(&31u32.to_le_bytes());
                answer[20..24].copy_from_slice(&4096u32.to_le_bytes());
                answer
            }
            GETATTR => {
                let mut answer = vec![0; 104];
                answer[16..24].copy_from_slice(&1u64.to_le_bytes());
                answer[76..80].copy_from_slice(&0o100_644u32.to_le_bytes());
                answer[80..84].copy_from_slice(&1u32.to_le_bytes());
                answer
            }
            OPEN => vec![0; 16],
            FLUSH => continue,
            _ => Vec::new(),
        };
        let mut bytes = (16 + answer.len() as u32).to_le_bytes().to_vec();
        bytes.extend(0i32.to_le_bytes());
        bytes.extend(&request[8..16]);
        bytes.extend(answer);
        // An answer to what was interrupted meanwhile is refused.
        let _ = device.write(&bytes);
    }
}

#[test]
fn it_holds_its_connections_place_and_nothing_else() {
    /// More than the server has threads.
    const HANGING: usize = 4;
    alone(async || {
        let Some(mut hanging) = HangingFile::mount() else {
            return;
        };
        let quota = Quota {
            connections: HANGING + 1,
            ..Quota::default()
        };
        let mut server = EchoServer::with(Listener::builder().quota(quota)).await;
        server.serves_a_good_client().await;
        let before = open_descriptors();
        for number in 0..HANGING {
            let client = RawPeer::connect(&server.address);
            if number % 2 == 0 {
                // Where a segment belongs.
                client.shake_hands();
                let descriptor = [hanging.file().as_fd()];
                client.send_with(&attachment(ATTACH, CAPACITY), &descriptor);
                assert_eq!(client.receive_step().kind, REFUSED);
                drop(client);
                server.next_end().await;
            } else {
                // Where none belongs.
                client.send_with(&hello(1, 1, 1), &[hanging.file().as_fd()]);
                client.is_closed_by_the_other_side();
            }
        }
        server.serves_a_good_client().await;

        // The connections are gone, but their places are not free.
        let good = Connector::default();
        let held = within("a good client", good.connect(&server.address))
            .await
            .unwrap();
        let beyond = within("another client", good.connect(&server.address)).await;
        assert!(
            matches!(beyond, Err(ConnectError::QuotaReached { .. })),
            "{beyond:?}"
        );
        drop(held);
        server.next_end().await;
        assert_eq!(server.incidents.count(Incident::QuotaReached), 1);

        hanging.give_up();
        // Nor are the file system's device and the file open any more.
        closed_down_to(before - 2).await;
        server.serves_a_good_client().await;
    });
}
