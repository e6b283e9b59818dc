//! A service in a child process. This program is both: started by `cargo test` it runs the tests, and
//! each starts it again as the child.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)] // A test fails by panicking.

use conformance::payload::payload;
use conformance::proto::SimpleRequest;
use conformance::proto::test_service_client::TestServiceClient;
use conformance::service::TestService;
use isotonic::{ChildStdio, ConnectError, Error, Incoming, LinkKind, Reason, Spawned};
use std::future::Future;
use std::time::Duration;
use tokio::process::Command;
use tonic::Status;
use tonic::transport::{Channel, Server};

/// Tells this program that it is the child, and of which kind.
const ROLE: &str = "ISOTONIC_TEST_CHILD";

/// More than any wait of these tests needs on a slow machine; what lasts longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() {
    match std::env::var(ROLE).as_deref() {
        Ok("serve") => run(serve()),
        Ok("end at once") => std::process::exit(3),
        Ok(other) => panic!("no such role: {other}"),
        Err(_) => run(tests()),
    }
}

#[tokio::main]
async fn run(program: impl Future<Output = ()>) {
    program.await;
}

async fn tests() {
    over_a_socket_it_moves_into_shared_memory_when_busy().await;
    over_pipes_it_stays_there().await;
    what_the_child_prints_does_no_harm().await;
    a_child_that_ends_at_once_is_an_error(ChildStdio::Socket).await;
    a_child_that_ends_at_once_is_an_error(ChildStdio::Pipes).await;
    a_command_that_does_not_exist_is_named().await;
    println!("spawned: all passed");
}

/// The child.
async fn serve() {
    let incoming = Incoming::bind("pipe:").await.unwrap();
    println!("a line that must not get into the stream");
    Server::builder()
        .add_service(TestService::new().into_service())
        .serve_with_incoming(incoming)
        .await
        .unwrap();
}

async fn within<F: Future>(awaited: &str, future: F) -> F::Output {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(output) => output,
        Err(_) => panic!("still waiting for {awaited} after {PATIENCE:?}"),
    }
}

async fn spawn(role: &str, stdio: ChildStdio) -> Result<Spawned, Error> {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env(ROLE, role).kill_on_drop(true);
    within("the child", isotonic::spawn(command, stdio)).await
}

async fn call(channel: &Channel, size: usize) -> Result<(), Status> {
    let request = SimpleRequest {
        response_size: size as i32,
        payload: Some(payload(size)),
        ..SimpleRequest::default()
    };
    let mut client = TestServiceClient::new(channel.clone());
    let response = within("an answer", client.unary_call(request)).await?;
    assert_eq!(response.into_inner().payload, Some(payload(size)));
    Ok(())
}

/// Dropping the last clone of the channel is all it takes to end the child.
async fn ends_with_its_channel(spawned: Spawned) {
    let Spawned {
        channel, mut child, ..
    } = spawned;
    drop(channel);
    let status = within("the child to end", child.wait()).await.unwrap();
    assert!(status.success(), "{status}");
}

async fn over_a_socket_it_moves_into_shared_memory_when_busy() {
    let spawned = spawn("serve", ChildStdio::Socket).await.unwrap();
    assert_eq!(spawned.link.kind(), LinkKind::Uds);
    assert_eq!(spawned.link.reason(), Some(Reason::NotYetBusy));
    let moving = async {
        while spawned.link.kind() != LinkKind::Shm {
            call(&spawned.channel, 10_000).await.unwrap();
        }
    };
    within("the link to move into shared memory", moving).await;
    call(&spawned.channel, 1_000_000).await.unwrap();
    assert!(spawned.link.counters().memory_bytes_received > 1_000_000);
    ends_with_its_channel(spawned).await;
}

async fn over_pipes_it_stays_there() {
    let spawned = spawn("serve", ChildStdio::Pipes).await.unwrap();
    call(&spawned.channel, 1_000_000).await.unwrap();
    assert_eq!(spawned.link.kind(), LinkKind::Pipe);
    assert_eq!(spawned.link.reason(), Some(Reason::OverPipe));
    ends_with_its_channel(spawned).await;
}

async fn what_the_child_prints_does_no_harm() {
    for stdio in [ChildStdio::Socket, ChildStdio::Pipes] {
        let spawned = spawn("serve", stdio).await.unwrap();
        call(&spawned.channel, 1).await.unwrap();
        ends_with_its_channel(spawned).await;
    }
}

async fn a_child_that_ends_at_once_is_an_error(stdio: ChildStdio) {
    match (stdio, spawn("end at once", stdio).await) {
        (ChildStdio::Socket, Err(Error::Connect(error @ ConnectError::ChildIsSilent { .. }))) => {
            assert!(error.to_string().contains("exit status: 3"), "{error}");
        }
        // There is no greeting over pipes; HTTP/2's own may fail.
        (ChildStdio::Pipes, Err(Error::Transport(_))) => {}
        (ChildStdio::Pipes, Ok(spawned)) => {
            let status = call(&spawned.channel, 1).await.unwrap_err();
            eprintln!("over pipes: {status}");
        }
        (stdio, other) => panic!("{stdio:?}: {other:?}"),
    }
}

async fn a_command_that_does_not_exist_is_named() {
    for stdio in [ChildStdio::Socket, ChildStdio::Pipes] {
        let command = Command::new("/nonexistent/orders-plugin");
        let error = within("an error", isotonic::spawn(command, stdio))
            .await
            .unwrap_err();
        assert!(
            matches!(error, Error::Connect(ConnectError::Io { .. })),
            "{error}"
        );
    }
}
