//! Errors that say what to do.

use crate::served::{Served, call, unix_address, within};
use isotonic::{ConnectError, Error};

async fn error_at(address: &str) -> Error {
    let connecting = isotonic::connect(address);
    within("an error", connecting)
        .await
        .expect_err("nobody serves there")
}

#[tokio::test]
async fn a_missing_socket() {
    let (_folder, address) = unix_address();
    let error = error_at(&address).await.to_string();
    assert!(error.contains(&address), "{error}");
    assert!(
        error.contains("is the server started, and is the path right?"),
        "{error}"
    );
}

#[tokio::test]
async fn a_socket_that_nobody_listens_on() {
    let (folder, address) = unix_address();
    drop(std::os::unix::net::UnixListener::bind(folder.path().join("s")).unwrap());
    let error = error_at(&address).await.to_string();
    assert!(error.contains("nobody listens there (any more)"), "{error}");
}

#[tokio::test]
async fn a_missing_fifo() {
    let (folder, _) = unix_address();
    let error = error_at(&format!("fifo:{}/f", folder.path().display()))
        .await
        .to_string();
    assert!(error.contains("is the server started"), "{error}");
}

#[tokio::test]
async fn an_address_without_a_scheme() {
    for address in ["/run/orders.sock", "orders", "localhost:50051", ""] {
        let error = error_at(address).await;
        assert!(matches!(error, Error::Address(_)), "{error}");
        assert!(
            error
                .to_string()
                .contains("write for example `unix:/run/orders.sock`"),
            "{error}"
        );
        isotonic::connect_lazy(address).unwrap_err();
    }
}

#[tokio::test]
async fn an_address_for_servers_only() {
    let error = error_at("pipe:").await.to_string();
    assert!(error.contains("`spawn`"), "{error}");
}

#[tokio::test]
async fn the_typed_error_is_in_the_chain() {
    let (_folder, address) = unix_address();
    let error = error_at(&address).await;
    let mut cause = std::error::Error::source(&error);
    while let Some(source) = cause {
        if source.is::<ConnectError>() {
            return;
        }
        cause = source.source();
    }
    panic!("no ConnectError in {error:?}");
}

#[tokio::test]
async fn a_right_address_connects() {
    let (_folder, address) = unix_address();
    let _server = Served::on(&address).await;
    let channel = within("a connection", isotonic::connect(&address))
        .await
        .unwrap();
    call(&channel, 1).await.unwrap();
}
