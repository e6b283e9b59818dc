//! A server that is stopped while its clients are in shared memory with it: their calls wait no longer than
//! they want to, other servers' calls do not wait at all, and once it goes on so do they. This program is
//! both: started by `cargo test` it runs the test, which starts it again as the servers.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)] // A test fails by panicking.

use conformance::payload::payload;
use conformance::proto::SimpleRequest;
use conformance::proto::test_service_client::TestServiceClient;
use conformance::service::TestService;
use isotonic::{ChildStdio, Incoming, LinkKind, Spawned};
use rustix::process::{
    Pid, Signal, WaitOptions, kill_process, set_parent_process_death_signal, waitpid,
};
use std::future::Future;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;
use tokio::process::Command;
use tonic::transport::{Channel, Server};
use tonic::{Code, Request, Status};

/// Tells this program that it is a server.
const ROLE: &str = "ISOTONIC_TEST_CHILD";

/// More than any wait of these tests needs on a slow machine; what lasts longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Several waits may each take their time.
const PATIENCE_WITH_ALL: Duration = PATIENCE.saturating_mul(3);

/// How long a call to a stopped server waits: any time will do.
const A_WHILE: Duration = Duration::from_millis(50);

/// One that fits into a ring, and one that fits into nothing on the way.
const SIZES: [usize; 2] = [1_000, 3_000_000];

fn main() {
    match std::env::var(ROLE) {
        Ok(_) => run(serve()),
        Err(_) => {
            let _watched = watched();
            run(tests());
        }
    }
}

/// Ends this process with a message unless what is returned is dropped in time: a link that holds up the
/// threads of the runtime holds up its timers, too.
fn watched() -> Sender<()> {
    let (done, watch) = channel();
    thread::spawn(move || {
        if watch.recv_timeout(PATIENCE_WITH_ALL) == Err(RecvTimeoutError::Timeout) {
            eprintln!("stopped: hangs: not done after {PATIENCE_WITH_ALL:?}");
            std::process::abort();
        }
    });
    done
}

#[tokio::main]
async fn run(program: impl Future<Output = ()>) {
    program.await;
}

async fn serve() {
    // Even while it is stopped, should the test be ended by force.
    set_parent_process_death_signal(Some(Signal::KILL)).unwrap();
    let incoming = Incoming::bind("pipe:").await.unwrap();
    Server::builder()
        .add_service(TestService::new().into_service())
        .serve_with_incoming(incoming)
        .await
        .unwrap();
}

async fn tests() {
    let (stopped, running) = tokio::join!(in_shared_memory(), in_shared_memory());
    for round in 1..=3 {
        stop(&stopped).await;
        for size in SIZES {
            a_deadline_ends_a_call(&stopped.channel, size).await;
            an_aborted_call_ends(&stopped.channel, size).await;
            a_dropped_call_ends(&stopped.channel, size).await;
            call(&running.channel, size, None).await.unwrap();
        }
        signal(&stopped, Signal::CONT);
        for size in SIZES {
            call(&stopped.channel, size, None).await.unwrap();
        }
        assert_eq!(stopped.link.kind(), LinkKind::Shm, "round {round}");
    }
    println!("stopped: all passed");
}

async fn within<F: Future>(awaited: &str, future: F) -> F::Output {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(output) => output,
        Err(_) => panic!("still waiting for {awaited} after {PATIENCE:?}"),
    }
}

/// A server, and a channel to it whose link has moved into shared memory.
async fn in_shared_memory() -> Spawned {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env(ROLE, "serve").kill_on_drop(true);
    let spawning = isotonic::spawn(command, ChildStdio::Socket);
    let spawned = within("a server", spawning).await.unwrap();
    let moving = async {
        while spawned.link.kind() != LinkKind::Shm {
            call(&spawned.channel, 10_000, None).await.unwrap();
        }
    };
    within("the link to move into shared memory", moving).await;
    spawned
}

fn process(spawned: &Spawned) -> Pid {
    let id = spawned.child.id().expect("the server has not ended");
    Pid::from_raw(id.cast_signed()).unwrap()
}

fn signal(spawned: &Spawned, signal: Signal) {
    kill_process(process(spawned), signal).unwrap();
}

/// Stops the server, and waits until it has stopped.
async fn stop(spawned: &Spawned) {
    signal(spawned, Signal::STOP);
    let options = WaitOptions::UNTRACED | WaitOptions::NOHANG;
    let stopping = async {
        loop {
            match waitpid(Some(process(spawned)), options).unwrap() {
                Some((_, status)) => return assert!(status.stopped(), "{status:?}"),
                None => tokio::task::yield_now().await,
            }
        }
    };
    within("the server to stop", stopping).await;
}

/// Sends a payload there and back.
async fn call(channel: &Channel, size: usize, deadline: Option<Duration>) -> Result<(), Status> {
    let mut request = Request::new(SimpleRequest {
        response_size: size as i32,
        payload: Some(payload(size)),
        ..SimpleRequest::default()
    });
    if let Some(deadline) = deadline {
        request.set_timeout(deadline);
    }
    let mut client = TestServiceClient::new(channel.clone());
    let answer = within("an answer", client.unary_call(request)).await?;
    assert_eq!(answer.into_inner().payload, Some(payload(size)));
    Ok(())
}

/// tonic tells of its own timer so.
async fn a_deadline_ends_a_call(channel: &Channel, size: usize) {
    let status = call(channel, size, Some(A_WHILE)).await.unwrap_err();
    assert_eq!(status.code(), Code::Cancelled, "{status}");
    assert_eq!(status.message(), "Timeout expired");
}

async fn an_aborted_call_ends(channel: &Channel, size: usize) {
    let channel = channel.clone();
    let calling = tokio::spawn(async move { call(&channel, size, None).await });
    // It may have got as far as the server or not.
    tokio::task::yield_now().await;
    calling.abort();
    let ended = within("an aborted call to end", calling).await;
    assert!(ended.unwrap_err().is_cancelled());
}

async fn a_dropped_call_ends(channel: &Channel, size: usize) {
    let ended = tokio::time::timeout(A_WHILE, call(channel, size, None)).await;
    ended.expect_err("a stopped server has answered");
}
