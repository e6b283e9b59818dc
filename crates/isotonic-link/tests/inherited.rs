//! A peer that crashes while a process that it started holds its end of the socket open: the socket does
//! not end, and yet the link must. This program is all three: started by `cargo test` it runs the tests,
//! and they start it again as the peer, which starts it again as the holder.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod patience;

use isotonic_link::{Address, Connector, Incident, Incidents, Link, Listener};
use patience::within;
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use tempfile::TempDir;
use tokio::io::AsyncReadExt;

const ROLE: &str = "ISOTONIC_TEST_ROLE";
const SOCKET: &str = "ISOTONIC_TEST_SOCKET";

/// A `Data` record, the last that the peer sends.
const LAST_WORDS: &[u8] = b"\x01\0\0\0\x0A\0\0\0last words";

fn main() {
    let socket = || PathBuf::from(std::env::var_os(SOCKET).unwrap());
    match std::env::var(ROLE).as_deref() {
        Ok("client") => be_a_client(&socket()),
        Ok("server") => be_a_server(&socket()),
        Ok("holder") => hold(),
        Ok(other) => panic!("no such role: {other}"),
        Err(_) => tests(),
    }
}

#[tokio::main]
async fn tests() {
    a_server_notices_that_its_client_has_crashed().await;
    a_client_notices_that_its_server_has_crashed().await;
    println!("inherited: 2 passed, 0 failed");
}

async fn a_server_notices_that_its_client_has_crashed() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("s");
    let mut listener = Listener::bind([Address::Unix(path.clone())]).await.unwrap();
    let peer = Peer::start("client", &path);
    let link = within("the client", listener.accept()).await.unwrap();
    ends_with_the_peer(link, peer, &listener.incidents()).await;
}

async fn a_client_notices_that_its_server_has_crashed() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("s");
    let mut peer = Peer::start("server", &path);
    peer.says("listening");
    let (connector, address) = (Connector::default(), Address::Unix(path));
    let link = within("the server", connector.connect(&address))
        .await
        .unwrap();
    ends_with_the_peer(link, peer, &connector.incidents()).await;
}

async fn ends_with_the_peer(mut link: Link, mut peer: Peer, incidents: &Incidents) {
    peer.says("held");
    peer.child.kill().unwrap();
    let mut received = Vec::new();
    let error = within("the link to end", link.read_to_end(&mut received))
        .await
        .expect_err("the link ended as if nothing were wrong");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
    assert_eq!(received, b"last words");
    assert_eq!(incidents.count(Incident::Vanished), 1);
}

/// The process that will crash. Its holder ends with this, too.
struct Peer {
    child: Child,
    output: BufReader<std::process::ChildStdout>,
    /// Closing it ends the holder.
    _test_goes_on: ChildStdin,
}

impl Peer {
    fn start(role: &str, socket: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .env(ROLE, role)
            .env(SOCKET, socket)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            output: BufReader::new(child.stdout.take().unwrap()),
            _test_goes_on: child.stdin.take().unwrap(),
            child,
        }
    }

    /// Waits for a line. It comes, or the end of the output does.
    fn says(&mut self, expected: &str) {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        assert_eq!(line.trim_end(), expected);
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }
}

fn be_a_client(socket: &Path) {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.write_all(&opening(1, 1)).unwrap();
    stream.read_exact(&mut [0; 32]).unwrap();
    be_held(stream);
}

fn be_a_server(socket: &Path) {
    let listener = UnixListener::bind(socket).unwrap();
    println!("listening");
    let (mut stream, _) = listener.accept().unwrap();
    stream.read_exact(&mut [0; 32]).unwrap();
    stream.write_all(&opening(1, 0)).unwrap();
    be_held(stream);
}

/// `Hello` or `Welcome`, with shared memory.
fn opening(first: u16, second: u16) -> Vec<u8> {
    let mut bytes = b"\x9Eisotonc".to_vec();
    bytes.extend(first.to_le_bytes());
    bytes.extend(second.to_le_bytes());
    bytes.extend(1u32.to_le_bytes());
    bytes.resize(32, 0);
    bytes
}

/// Has another process hold the connection, and waits to be killed.
fn be_held(mut stream: UnixStream) {
    let input = std::io::stdin().as_fd().try_clone_to_owned().unwrap();
    let mut holder = Command::new(std::env::current_exe().unwrap())
        .env(ROLE, "holder")
        .stdin(OwnedFd::from(stream.try_clone().unwrap()))
        .stdout(Stdio::null())
        .stderr(input)
        .spawn()
        .unwrap();
    stream.write_all(LAST_WORDS).unwrap();
    println!("held");
    holder.wait().unwrap();
}

/// Holds standard input open until the test closes the pipe that is standard error.
fn hold() {
    let pipe = File::from(std::io::stderr().as_fd().try_clone_to_owned().unwrap());
    let end = (&pipe).read(&mut [0]);
    assert_eq!(end.unwrap(), 0);
}
