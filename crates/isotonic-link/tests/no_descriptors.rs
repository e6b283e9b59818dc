//! A process that has no descriptors left, or too many on their way. The limit is the whole process's, hence
//! this is a program of its own.

#![cfg(target_os = "linux")]
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod patience;
#[path = "errno/warnings.rs"]
mod warnings;

use isotonic_link::{Address, Connector, Link, LinkKind, Listener, Reason, Refusal, ShmMode};
use patience::within;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix,
    SocketType, sendmsg, socket,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities};
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream as BlockingStream;
use std::sync::{Mutex, PoisonError};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::runtime::{Builder, Runtime};
use warnings::Warnings;

/// Makes a link want shared memory at once, and fits into the socket's buffer.
const MUCH: usize = 70_000;

/// The most descriptors that one message carries (`SCM_MAX_FD`).
const MOST_DESCRIPTORS: usize = 253;

static ALONE: Mutex<()> = Mutex::new(());

/// Runs `test` while no other runs, which would meet its limit.
fn alone(test: impl FnOnce(&Runtime)) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    test(&Builder::new_current_thread().enable_all().build().unwrap());
}

/// While it lives, this process can open no more than a number of descriptors.
struct Limited {
    before: Rlimit,
}

impl Limited {
    fn to(more: u64) -> Self {
        // The kernel gives the lowest number that is free, and the limit is on the number.
        let free = io::stderr().as_fd().try_clone_to_owned().unwrap();
        let current = Some(u64::from(free.as_raw_fd().unsigned_abs()) + more);
        drop(free);
        let before = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current, ..before }).unwrap();
        Self { before }
    }
}

impl Drop for Limited {
    fn drop(&mut self) {
        setrlimit(Resource::Nofile, self.before).unwrap();
    }
}

/// While it lives, no more descriptors can be sent: so many are on their way (unix(7), ETOOMANYREFS).
struct Crowded {
    _limited: Limited,
    _on_their_way: (BlockingStream, BlockingStream),
    capabilities: CapabilitySets,
}

impl Crowded {
    fn new() -> Self {
        // Enough for the segments of a link, and fewer than are on their way.
        let limited = Limited::to(20);
        assert!(getrlimit(Resource::Nofile).current.unwrap() < MOST_DESCRIPTORS as u64);
        let sockets = BlockingStream::pair().unwrap();
        let descriptors = [sockets.0.as_fd(); MOST_DESCRIPTORS];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        assert!(control.push(SendAncillaryMessage::ScmRights(&descriptors)));
        let bytes = [IoSlice::new(b"x")];
        sendmsg(&sockets.0, &bytes, &mut control, SendFlags::empty()).unwrap();
        // Root may have any number on their way.
        let capabilities = capabilities(None).unwrap();
        let mut fewer = capabilities;
        fewer
            .effective
            .remove(CapabilitySet::SYS_RESOURCE | CapabilitySet::SYS_ADMIN);
        set_capabilities(None, fewer).unwrap();
        Self {
            _limited: limited,
            _on_their_way: sockets,
            capabilities,
        }
    }
}

impl Drop for Crowded {
    fn drop(&mut self) {
        set_capabilities(None, self.capabilities).unwrap();
    }
}

struct Server {
    listener: Listener,
    address: Address,
    _folder: TempDir,
}

impl Server {
    async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let address = Address::Unix(folder.path().join("s"));
        Self {
            listener: Listener::bind([address.clone()]).await.unwrap(),
            address,
            _folder: folder,
        }
    }

    /// The client's end of a link, and the server's.
    async fn link(&mut self, mode: ShmMode) -> (Link, Link) {
        let connector = Connector::default().shm_mode(mode);
        let both = async { tokio::join!(connector.connect(&self.address), self.listener.accept()) };
        let (client, server) = within("a link", both).await;
        (client.unwrap(), server.unwrap())
    }

    async fn serves_a_good_client(&mut self) {
        let (client, server) = self.link(ShmMode::Require).await;
        assert_eq!(client.info().kind(), LinkKind::Shm);
        drop((client, server));
    }
}

async fn send(link: &mut Link, len: usize) {
    within("room for the bytes", link.write_all(&vec![7; len]))
        .await
        .unwrap();
}

async fn receive(link: &mut Link, len: usize) {
    let mut received = vec![0; len];
    within("the bytes", link.read_exact(&mut received))
        .await
        .unwrap();
    assert!(received.iter().all(|byte| *byte == 7));
}

#[test]
fn a_server_that_cannot_take_a_segment_goes_on_without() {
    alone(|runtime| {
        runtime.block_on(async {
            let mut server = Server::start().await;
            let (mut client, mut accepted) = server.link(ShmMode::Prefer).await;
            send(&mut client, MUCH).await;
            let limited = Limited::to(0);
            receive(&mut accepted, MUCH).await;
            assert_eq!(accepted.info().reason(), Some(Reason::NoDescriptors));
            send(&mut accepted, 1).await;
            receive(&mut client, 1).await;
            let told = Reason::PeerRefused(Refusal::NoMemory);
            assert_eq!(client.info().reason(), Some(told));
            drop(limited);
            server.serves_a_good_client().await;
        });
    });
}

#[test]
fn a_client_that_cannot_take_a_segment_goes_on_without() {
    alone(|runtime| {
        runtime.block_on(async {
            let mut server = Server::start().await;
            let (mut client, mut accepted) = server.link(ShmMode::Prefer).await;
            send(&mut client, MUCH).await;
            receive(&mut accepted, MUCH).await;
            let limited = Limited::to(0);
            send(&mut accepted, 1).await;
            receive(&mut client, 1).await;
            assert_eq!(client.info().reason(), Some(Reason::NoDescriptors));
            send(&mut client, 1).await;
            receive(&mut accepted, 1).await;
            let told = Reason::PeerRefused(Refusal::NoMemory);
            assert_eq!(accepted.info().reason(), Some(told));
            drop(limited);
            server.serves_a_good_client().await;
        });
    });
}

fn not_sent() -> Option<Reason> {
    let error = Errno::TOOMANYREFS.to_string();
    Some(Reason::NotSent { error })
}

#[test]
fn a_client_that_cannot_send_a_segment_goes_on_without() {
    alone(|runtime| {
        runtime.block_on(async {
            let mut server = Server::start().await;
            let (mut client, mut accepted) = server.link(ShmMode::Prefer).await;
            let crowded = Crowded::new();
            send(&mut client, MUCH).await;
            receive(&mut accepted, MUCH).await;
            send(&mut accepted, 1).await;
            receive(&mut client, 1).await;
            assert_eq!(client.info().reason(), not_sent());
            assert_eq!(accepted.info().reason(), Some(Reason::NotYetBusy));
            drop(crowded);
            server.serves_a_good_client().await;
        });
    });
}

#[test]
fn a_server_that_cannot_send_a_segment_goes_on_without() {
    alone(|runtime| {
        runtime.block_on(async {
            let mut server = Server::start().await;
            let (mut client, mut accepted) = server.link(ShmMode::Prefer).await;
            send(&mut client, MUCH).await;
            let crowded = Crowded::new();
            receive(&mut accepted, MUCH).await;
            assert_eq!(accepted.info().reason(), not_sent());
            send(&mut accepted, 1).await;
            receive(&mut client, 1).await;
            let told = Reason::PeerRefused(Refusal::NoMemory);
            assert_eq!(client.info().reason(), Some(told));
            drop(crowded);
            server.serves_a_good_client().await;
        });
    });
}

/// The reserve descriptor is given up for each, so that the connection can be accepted and closed; without a
/// client there is nothing to do. The warnings count the rounds of the accept loop.
#[test]
fn clients_of_a_server_without_descriptors_are_cut_off_one_by_one() {
    const CLIENTS: usize = 2;
    alone(|runtime| {
        let mut server = runtime.block_on(Server::start());
        // The second time with the reserve that was got back.
        for _ in 0..2 {
            runtime.block_on(server.serves_a_good_client());
            let warnings = Warnings::default();
            let sockets: Vec<_> = (0..CLIENTS).map(|_| unconnected()).collect();
            let limited = Limited::to(0);
            warnings.during(|| {
                runtime.block_on(async {
                    let mut cut = Vec::new();
                    for socket in sockets {
                        cut.push(cut_off(socket, &server.address).await);
                    }
                });
            });
            let seen = warnings.so_far();
            // Two for each client: that it cannot be accepted, and that it was turned away. Perhaps one for the last
            // look, as the kernel misses a descriptor before it misses a client.
            assert!((2 * CLIENTS..=2 * CLIENTS + 1).contains(&seen), "{seen}");
            drop(limited);
        }
        runtime.block_on(server.serves_a_good_client());
    });
}

fn unconnected() -> OwnedFd {
    socket(AddressFamily::UNIX, SocketType::STREAM, None).unwrap()
}

/// Connects it, and waits for the end. It stays open: a descriptor less would let the next client in.
async fn cut_off(socket: OwnedFd, address: &Address) -> UnixStream {
    let Address::Unix(path) = address else {
        panic!("`{address}` is not the path of a socket")
    };
    rustix::net::connect(&socket, &SocketAddrUnix::new(path).unwrap()).unwrap();
    let stream = BlockingStream::from(socket);
    stream.set_nonblocking(true).unwrap();
    let mut stream = UnixStream::from_std(stream).unwrap();
    let ended = within("the server to cut a client off", stream.read_u8()).await;
    assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    stream
}
