//! Where a listener may listen, and what it leaves behind.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod patience;

use isotonic_link::{Address, BindError, Connector, Link, LinkKind, Listener, PeerPolicy};
use patience::within;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::Path;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn folder() -> TempDir {
    TempDir::new().unwrap()
}

async fn bind_error(address: Address) -> BindError {
    let bound = within("the bind", Listener::bind([address])).await;
    bound.expect_err("this address cannot be listened on")
}

/// A new client is accepted, and what it says arrives.
async fn serves(listener: &mut Listener, address: &Address) -> Link {
    let mut client = within("a link", Connector::default().connect(address))
        .await
        .unwrap();
    client.write_all(b"ping").await.unwrap();
    let mut server = within("a client", listener.accept()).await.unwrap();
    let mut received = [0; 4];
    within("its bytes", server.read_exact(&mut received))
        .await
        .unwrap();
    assert_eq!(&received, b"ping");
    server
}

#[tokio::test]
async fn a_path_that_is_too_long_is_refused_with_the_limit() {
    let error = bind_error(Address::Unix("/".repeat(108).into())).await;
    assert!(matches!(error, BindError::Address(_)), "{error}");
    assert!(error.to_string().contains("107"), "{error}");
}

#[tokio::test]
async fn a_missing_folder_is_named_and_said_to_be_needed() {
    let path = folder().path().join("gone/orders.sock");
    for address in [Address::Unix(path.clone()), Address::Fifo(path)] {
        let error = bind_error(address.clone()).await.to_string();
        assert!(error.contains(&address.to_string()), "{error}");
        assert!(error.contains("the folder has to exist"), "{error}");
    }
}

#[tokio::test]
async fn no_address_is_an_error() {
    let error = Listener::bind([]).await.unwrap_err();
    assert!(matches!(error, BindError::NoAddress), "{error}");
}

#[tokio::test]
async fn a_socket_left_behind_is_replaced() {
    let folder = folder();
    let path = folder.path().join("s");
    // The standard library leaves the file where it is.
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let address = Address::Unix(path);
    let mut listener = Listener::bind([address.clone()]).await.unwrap();
    serves(&mut listener, &address).await;
}

#[tokio::test]
async fn a_socket_that_somebody_listens_on_is_left_alone() {
    let folder = folder();
    let address = Address::Unix(folder.path().join("s"));
    let mut first = Listener::bind([address.clone()]).await.unwrap();
    let error = bind_error(address.clone()).await;
    assert!(matches!(error, BindError::InUse { .. }), "{error}");
    serves(&mut first, &address).await;
}

#[tokio::test]
async fn an_abstract_name_a_port_and_a_fifo_in_use_are_refused() {
    let folder = folder();
    let unique = folder.path().file_name().unwrap().to_str().unwrap();
    for address in [
        Address::UnixAbstract(unique.into()),
        "http://127.0.0.1:0".parse().unwrap(),
        Address::Fifo(folder.path().join("f")),
    ] {
        let first = Listener::bind([address]).await.unwrap();
        let error = bind_error(first.local_addresses()[0].clone()).await;
        assert!(matches!(error, BindError::InUse { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_file_that_is_no_socket_is_left_alone() {
    let folder = folder();
    let path = folder.path().join("s");
    std::fs::write(&path, "precious").unwrap();
    let error = bind_error(Address::Unix(path.clone())).await;
    assert!(matches!(error, BindError::Occupied { .. }), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
}

#[tokio::test]
async fn a_link_to_a_socket_is_left_alone() {
    let folder = folder();
    let (path, target) = (folder.path().join("s"), folder.path().join("target"));
    drop(UnixListener::bind(&target).unwrap());
    std::os::unix::fs::symlink(&target, &path).unwrap();
    let error = bind_error(Address::Unix(path.clone())).await;
    assert!(matches!(error, BindError::Occupied { .. }), "{error}");
    assert!(path.is_symlink() && target.exists());
}

#[tokio::test]
async fn a_file_that_is_no_fifo_is_left_alone() {
    let folder = folder();
    for name in ["f.c2s", "f.s2c"] {
        let path = folder.path().join(name);
        std::fs::write(&path, "precious").unwrap();
        let error = bind_error(Address::Fifo(folder.path().join("f"))).await;
        assert!(matches!(error, BindError::Occupied { .. }), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
        std::fs::remove_file(path).unwrap();
    }
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn only_the_policy_opens_a_socket_to_others() {
    let folder = folder();
    let path = folder.path().join("s");
    let listener = Listener::bind([Address::Unix(path.clone())]).await.unwrap();
    assert_eq!(mode(&path), 0o600);
    drop(listener);
    let path = folder.path().join("any");
    let builder = Listener::builder().peer_policy(PeerPolicy::AnyUser);
    let _listener = builder.bind([Address::Unix(path.clone())]).await.unwrap();
    assert_eq!(mode(&path), 0o666);
}

#[tokio::test]
async fn fifos_are_for_their_owner_only() {
    let folder = folder();
    let address = Address::Fifo(folder.path().join("f"));
    let _listener = Listener::bind([address]).await.unwrap();
    for name in ["f.c2s", "f.s2c", "f.lock"] {
        assert_eq!(mode(&folder.path().join(name)), 0o600, "{name}");
    }
}

async fn is_empty(folder: &TempDir) {
    let empty = async {
        while folder.path().read_dir().unwrap().next().is_some() {
            tokio::task::yield_now().await;
        }
    };
    within("the files to be removed", empty).await;
}

#[tokio::test]
async fn a_dropped_listener_leaves_no_file() {
    let folder = folder();
    let addresses = [
        Address::Unix(folder.path().join("s")),
        Address::Fifo(folder.path().join("f")),
    ];
    let listener = Listener::bind(addresses).await.unwrap();
    let sockets = |folder: &TempDir| {
        let files = folder.path().read_dir().unwrap();
        files
            .filter(|file| file.as_ref().unwrap().file_type().unwrap().is_socket())
            .count()
    };
    assert_eq!(sockets(&folder), 1);
    drop(listener);
    is_empty(&folder).await;
}

#[tokio::test]
async fn a_bind_that_fails_leaves_no_file() {
    let folder = folder();
    let addresses = [
        Address::Unix(folder.path().join("s")),
        Address::Fifo(folder.path().join("f")),
        Address::Unix(folder.path().join("gone/s")),
    ];
    Listener::bind(addresses).await.unwrap_err();
    is_empty(&folder).await;
}

#[tokio::test]
async fn somebody_elses_socket_in_our_place_is_left_alone() {
    let folder = folder();
    let path = folder.path().join("s");
    let listener = Listener::bind([Address::Unix(path.clone())]).await.unwrap();
    std::fs::rename(&path, folder.path().join("moved")).unwrap();
    let _other = UnixListener::bind(&path).unwrap();
    drop(listener);
    // What would remove the file has run once the socket is closed.
    let closed = async {
        while std::os::unix::net::UnixStream::connect(folder.path().join("moved")).is_ok() {
            tokio::task::yield_now().await;
        }
    };
    within("the listener to be closed", closed).await;
    assert!(path.exists());
}

#[tokio::test]
async fn links_go_on_when_their_listener_is_dropped() {
    let folder = folder();
    let address = Address::Unix(folder.path().join("s"));
    let mut listener = Listener::bind([address.clone()]).await.unwrap();
    let mut client = Connector::default().connect(&address).await.unwrap();
    let mut server = within("a client", listener.accept()).await.unwrap();
    drop(listener);
    is_empty(&folder).await;
    client.write_all(b"still").await.unwrap();
    let mut received = [0; 5];
    within("bytes", server.read_exact(&mut received))
        .await
        .unwrap();
    assert_eq!(&received, b"still");
}

#[tokio::test]
async fn several_addresses_are_served_at_once_and_told_in_order() {
    let folder = folder();
    let unique = folder.path().file_name().unwrap().to_str().unwrap();
    let addresses = [
        "http://127.0.0.1:0".parse().unwrap(),
        Address::Unix(folder.path().join("s")),
        Address::UnixAbstract(unique.into()),
        Address::Fifo(folder.path().join("f")),
    ];
    let kinds = [LinkKind::Tcp, LinkKind::Uds, LinkKind::Uds, LinkKind::Fifo];
    let mut listener = Listener::bind(addresses.clone()).await.unwrap();
    let local = listener.local_addresses().to_vec();
    assert_eq!(local[1..], addresses[1..]);
    assert!(
        matches!(local[0], Address::Tcp { port: 1.., .. }),
        "{}",
        local[0]
    );
    let mut links = Vec::new();
    for (address, kind) in local.iter().zip(kinds) {
        let link = serves(&mut listener, address).await;
        assert_eq!((link.info().address(), link.info().kind()), (address, kind));
        links.push(link);
    }
}

#[tokio::test]
async fn a_closed_listener_leaves_its_addresses_free() {
    let folder = folder();
    for address in ["unix:", "fifo:"] {
        let address: Address = format!("{address}{}/s", folder.path().display())
            .parse()
            .unwrap();
        let listener = Listener::bind([address.clone()]).await.unwrap();
        within("the close", listener.close()).await;
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        Listener::bind([address]).await.unwrap().close().await;
    }
}

#[tokio::test]
async fn more_addresses_than_unfinished_handshakes_are_all_served() {
    let folder = folder();
    let count = isotonic_link::limits::MAX_UNFINISHED_HANDSHAKES_PER_USER + 2;
    let addresses: Vec<Address> = (0..count)
        .map(|number| Address::Unix(folder.path().join(number.to_string())))
        .collect();
    let mut listener = Listener::bind(addresses.clone()).await.unwrap();
    for address in addresses.iter().rev().chain(&addresses) {
        serves(&mut listener, address).await;
    }
}
