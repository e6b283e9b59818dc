//! The programs, and how they are started.

use conformance::Bounded;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};

/// A gRPC implementation of another language.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stack {
    /// Python's, over the C core.
    Grpcio,
    /// Node's, all in JavaScript.
    GrpcJs,
    /// Go's.
    GrpcGo,
}

impl Stack {
    pub(super) fn is_installed(self) -> bool {
        let complete = match self {
            Self::Grpcio => "python/installed/bin/python",
            Self::GrpcJs => "node/installed/complete",
            Self::GrpcGo => "go/installed/server",
        };
        path(complete).exists()
    }

    fn client(self) -> Command {
        match self {
            Self::Grpcio => script("python/installed/bin/python", "python/client.py"),
            Self::GrpcJs => script("node", "node/client.js"),
            Self::GrpcGo => unreachable!("only a server was written on it"),
        }
    }

    fn server(self) -> Command {
        match self {
            Self::Grpcio => script("python/installed/bin/python", "python/server.py"),
            Self::GrpcJs => script("node", "node/server.js"),
            Self::GrpcGo => Command::new(path("go/installed/server")),
        }
    }

    /// Runs a case of its client against `address`, to its end.
    ///
    /// # Panics
    ///
    /// When the case failed, with what the client says.
    pub(super) async fn run_client(self, address: &str, case: &str, bounded: &Bounded) {
        let mut command = self.client();
        command.args([address, case]).kill_on_drop(true);
        let ended = bounded.wait("the foreign client to end", command.output());
        let output = ended.await.expect("a program that can be started");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {said}", output.status);
    }

    /// Starts its server at `address`.
    pub(super) async fn start_server(self, address: &str, bounded: &Bounded) -> Server {
        let mut command = self.server();
        let started = command
            .arg(address)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn();
        let mut child = started.expect("a program that can be started");
        let stdout = child.stdout.take().expect("its standard output");
        let mut lines = BufReader::new(stdout).lines();
        let line = bounded.wait("the foreign server", lines.next_line()).await;
        let line = line.expect("readable output");
        if line.as_deref() != Some("ready") {
            let mut said = String::new();
            let mut stderr = child.stderr.take().expect("its standard error");
            let read = stderr.read_to_string(&mut said);
            let _ = bounded.wait("the foreign server's last words", read).await;
            panic!("the foreign server is not ready: {line:?} {said}");
        }
        Server(child)
    }
}

/// A server that runs. Dropped, it is killed.
pub(super) struct Server(Child);

impl Server {
    /// Has it end, which it does when its standard input ends.
    pub(super) async fn stop(mut self, bounded: &Bounded) {
        drop(self.0.stdin.take());
        let ended = bounded.wait("the foreign server to end", self.0.wait());
        let status = ended.await.expect("a process of ours");
        assert!(status.success(), "the foreign server ended with {status}");
    }
}

fn script(interpreter: &str, script: &str) -> Command {
    // As it is if it is to be looked for.
    let interpreter = match interpreter.contains('/') {
        true => path(interpreter),
        false => interpreter.into(),
    };
    let mut command = Command::new(interpreter);
    command.arg(path(script));
    command
}

fn path(below: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("foreign")
        .join(below)
}
