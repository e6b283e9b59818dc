//! Peers of other users, and of users that do not exist where we are: only the kernel's word on who they are
//! counts, and neither the socket's permissions nor what they say. Where this cannot be tried it is said.

use crate::child::{POLICY, Peer, in_user_namespace, this_program};
use crate::descriptors::{closed_down_to, open_descriptors};
use crate::patience::within;
use crate::roles::echo;
use crate::run;
use isotonic_link::{Address, ConnectError, Connector, Incident, Incidents, Listener, PeerPolicy};
use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A user that nobody is.
const OTHER: u32 = 54_321;

/// What a user is to those in whose user namespace it does not exist.
const UNMAPPED: u32 = 65_534;

pub(crate) async fn tests() {
    if rustix::process::geteuid().is_root() {
        run(
            "other_users::a_client_of_another_user",
            a_client_of_another_user(),
        )
        .await;
        run(
            "other_users::a_server_of_another_user",
            a_server_of_another_user(),
        )
        .await;
    } else {
        println!("NOT TRIED: peers of another user, because these tests do not run as root");
    }
    let namespaces = Command::new("unshare").args(["--user", "true"]).status();
    if namespaces.is_ok_and(|status| status.success()) {
        run("other_users::an_unmapped_client", an_unmapped_client()).await;
        run("other_users::an_unmapped_server", an_unmapped_server()).await;
        run("other_users::a_container_server", a_container_server()).await;
    } else {
        println!("NOT TRIED: unmapped users, because `unshare --user` does not work here");
    }
}

/// A folder that every user may enter, with this program in it.
struct Place {
    folder: TempDir,
    program: PathBuf,
}

impl Place {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let program = folder.path().join("program");
        std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
        let open = Permissions::from_mode(0o755);
        std::fs::set_permissions(folder.path(), open).unwrap();
        Self { folder, program }
    }

    /// One in the file system and one without: a name in the latter is as unique as the folder's.
    fn addresses(&self) -> [Address; 2] {
        let path = self.folder.path();
        let name = path.file_name().unwrap().to_str().unwrap();
        [
            Address::Unix(path.join("s")),
            Address::UnixAbstract(name.into()),
        ]
    }

    fn as_other(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.uid(OTHER).gid(OTHER);
        command
    }
}

/// Opens the file of a socket to everybody, as somebody may do by mistake.
fn open_to_all(address: &Address) {
    if let Address::Unix(path) = address {
        std::fs::set_permissions(path, Permissions::from_mode(0o777)).unwrap();
    }
}

/// A server in this process, under a policy.
struct Server {
    accepting: JoinHandle<()>,
    stop: oneshot::Sender<()>,
    incidents: Incidents,
}

impl Server {
    async fn start(address: &Address, policy: PeerPolicy) -> Self {
        let builder = Listener::builder().peer_policy(policy);
        let mut listener = builder.bind([address.clone()]).await.unwrap();
        open_to_all(address);
        let (stop, mut stopped) = oneshot::channel();
        Self {
            incidents: listener.incidents(),
            stop,
            accepting: tokio::spawn(async move {
                loop {
                    tokio::select! {
                        link = listener.accept() => drop(tokio::spawn(echo(link.unwrap()))),
                        _ = &mut stopped => return listener.close().await,
                    }
                }
            }),
        }
    }

    fn turned_away(&self) -> u64 {
        self.incidents.count(Incident::NotAdmitted)
    }

    /// The address is free afterwards.
    async fn stop(self) {
        self.stop.send(()).unwrap();
        within("the server to stop", self.accepting).await.unwrap();
    }
}

/// What a process that we start as `role` says in the end.
async fn answer(command: Command, role: &'static str, address: &Address) -> String {
    let mut peer = Peer::start(command, role, address);
    let saying = tokio::task::spawn_blocking(move || peer.says());
    within("a process to answer", saying).await.unwrap()
}

async fn raw_client(command: Command, address: &Address) -> String {
    answer(command, "raw client", address).await
}

async fn a_client_of_another_user() {
    let place = Place::new();
    for address in place.addresses() {
        let server = Server::start(&address, PeerPolicy::default()).await;
        // The listener has opened all that it needs once it has served somebody.
        assert_eq!(raw_client(this_program(), &address).await, "served");
        let before = open_descriptors();
        for turned_away in 1..=5 {
            assert_eq!(raw_client(place.as_other(), &address).await, "turned away");
            assert_eq!(server.turned_away(), turned_away);
        }
        closed_down_to(before).await;
        assert_eq!(raw_client(this_program(), &address).await, "served");
        server.stop().await;

        let server = Server::start(&address, PeerPolicy::Users(vec![OTHER])).await;
        assert_eq!(raw_client(place.as_other(), &address).await, "served");
        // Nobody is admitted by being root.
        assert_eq!(raw_client(this_program(), &address).await, "turned away");
        server.stop().await;

        let server = Server::start(&address, PeerPolicy::AnyUser).await;
        assert_eq!(raw_client(place.as_other(), &address).await, "served");
        assert_eq!(raw_client(this_program(), &address).await, "served");
        server.stop().await;
    }
    // A socket that nobody has opened cannot even be reached.
    let [address, _] = place.addresses();
    let _server = Listener::bind([address.clone()]).await.unwrap();
    let said = answer(place.as_other(), "client", &address).await;
    assert!(said.contains("Permission denied"), "{said}");
}

/// What our own client makes of a server that it must not talk to.
async fn refused(policy: PeerPolicy, address: &Address) -> u32 {
    let connector = Connector::default().peer_policy(policy);
    match within("the connector", connector.connect(address)).await {
        Err(ConnectError::NotAdmitted { source, .. }) => source.uid,
        other => panic!("{other:?}"),
    }
}

/// A raw server of another user, which waits for one client, hears not a word from ours.
async fn hears_nothing(place: &Place, address: &Address, policy: PeerPolicy) {
    let mut server = Peer::start(place.as_other(), "raw server", address);
    assert_eq!(server.says(), "listening");
    open_to_all(address);
    assert_eq!(refused(policy, address).await, OTHER);
    assert_eq!(server.says(), "heard 0 B");
    remove(address);
}

async fn a_server_of_another_user() {
    let place = Place::new();
    // It has to make the file of its socket.
    chown(place.folder.path(), Some(OTHER), None).unwrap();
    let own = rustix::process::geteuid().as_raw();
    for address in place.addresses() {
        let before = open_descriptors();
        for policy in [PeerPolicy::default(), PeerPolicy::Users(vec![own])] {
            hears_nothing(&place, &address, policy).await;
        }

        // A good server of that user, which admits us.
        let mut command = place.as_other();
        command.env(POLICY, "any user");
        let mut server = Peer::start(command, "echo server", &address);
        assert_eq!(server.says(), "listening");
        let mut client = this_program();
        client.env(POLICY, OTHER.to_string());
        assert_eq!(answer(client, "client", &address).await, "served");
        drop(server);
        remove(&address);
        closed_down_to(before).await;
    }
}

/// A process that was killed, or knows no better, leaves its socket's file behind.
fn remove(address: &Address) {
    if let Address::Unix(path) = address {
        std::fs::remove_file(path).unwrap();
    }
}

/// A client of our own user, to which nobody outside its namespace exists. To us it is who it is.
async fn an_unmapped_client() {
    let place = Place::new();
    let inside = || in_user_namespace(&[], &place.program);
    for address in place.addresses() {
        let server = Server::start(&address, PeerPolicy::default()).await;
        assert_eq!(raw_client(inside(), &address).await, "served");
        for policy in ["any user", "65534"] {
            let mut command = inside();
            command.env(POLICY, policy);
            let said = answer(command, "client", &address).await;
            assert_eq!(said, format!("will not talk to {UNMAPPED}"));
        }
        assert_eq!(raw_client(this_program(), &address).await, "served");
        server.stop().await;
    }
}

/// A server to which we do not exist, nor it to itself: everybody looks like itself.
async fn an_unmapped_server() {
    let place = Place::new();
    for address in place.addresses() {
        for policy in [None, Some("any user"), Some("65534")] {
            let mut command = in_user_namespace(&[], &place.program);
            command.envs(policy.map(|policy| (POLICY, policy)));
            let mut server = Peer::start(command, "echo server", &address);
            assert_eq!(server.says(), "listening");
            for _ in 0..3 {
                assert_eq!(raw_client(this_program(), &address).await, "turned away");
            }
            drop(server);
        }
    }
}

/// A server in a container that knows but one user, ours, by the name of root.
async fn a_container_server() {
    let place = Place::new();
    for address in place.addresses() {
        let mut command = in_user_namespace(&["--map-root-user"], &place.program);
        command.env(POLICY, "any user");
        let mut server = Peer::start(command, "echo server", &address);
        assert_eq!(server.says(), "listening");
        assert_eq!(raw_client(this_program(), &address).await, "served");
        if rustix::process::geteuid().is_root() {
            assert_eq!(raw_client(place.as_other(), &address).await, "turned away");
        }
        assert_eq!(raw_client(this_program(), &address).await, "served");
    }
}
