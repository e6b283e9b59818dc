//! A client and a server, each on a runtime of one thread, so that a system call can be made to fail for
//! either of them alone.

use crate::injection::Call;
use crate::panics::panics_so_far;
use crate::patience::within;
use isotonic_link::limits::HANDSHAKE_TIMEOUT;
use isotonic_link::{
    Address, ConnectError, Connector, Link, LinkInfo, LinkKind, Listener, Reason, ShmMode,
};
use rustix::io::Errno;
use std::future::Future;
use std::io;
use std::panic::resume_unwind;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// How each client begins: as a plain HTTP/2 client, in case the server takes it for one.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Enough to make a link want shared memory.
const MUCH: usize = 200_000;

/// No connection here is slow, so a wait that ends only with the handshake's own deadline is a wait for what
/// is known to have failed.
const WELL_BEFORE_THE_DEADLINE: Duration = HANDSHAKE_TIMEOUT.saturating_sub(Duration::from_secs(1));

static ALONE: Mutex<()> = Mutex::new(());

/// Whose system call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

/// A system call that fails for one side.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Injected {
    pub(crate) side: Side,
    pub(crate) call: Call,
    pub(crate) errno: Errno,
    pub(crate) from: From,
}

/// Since when it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    TheStart,
    /// For a client: it has a link.
    TheConnection,
}

impl Injected {
    pub(crate) fn new(side: Side, call: Call, errno: Errno) -> Self {
        let from = From::TheStart;
        Self {
            side,
            call,
            errno,
            from,
        }
    }

    /// For a client whose link is made without a failure.
    pub(crate) fn into_its_link(call: Call, errno: Errno) -> Self {
        Self {
            from: From::TheConnection,
            ..Self::new(Side::Client, call, errno)
        }
    }
}

/// Why a client did not get its bytes back.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failed {
    #[error("no link: {0}")]
    NotConnected(#[from] ConnectError),
    #[error("the link broke: {0}")]
    Broke(#[from] io::Error),
}

/// What each side knows after a client came, had its bytes sent back, and left.
#[derive(Debug)]
pub(crate) struct Met {
    pub(crate) client: Result<LinkInfo, Failed>,
    /// The links that the server accepted.
    pub(crate) server: Vec<LinkInfo>,
}

impl Met {
    /// Why the client's link is not in shared memory; it carried all bytes over the socket.
    pub(crate) fn client_stayed(&self) -> Reason {
        stayed(self.client.as_ref().unwrap())
    }

    /// Why the link is not in shared memory as the server sees it.
    pub(crate) fn server_stayed(&self) -> Reason {
        stayed(self.server.last().unwrap())
    }

    /// Why the client could not have the shared memory that it requires.
    pub(crate) fn not_to_be_had(&self) -> &Reason {
        match &self.client {
            Err(Failed::NotConnected(ConnectError::ShmRequired { reason, .. })) => reason,
            other => panic!("{other:?}"),
        }
    }

    /// What the client's link broke with.
    pub(crate) fn broke_with(&self) -> &io::Error {
        match &self.client {
            Err(Failed::Broke(error)) => error,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn is_in_memory(&self) -> bool {
        let is = |link: &LinkInfo| link.kind() == LinkKind::Shm && link.reason().is_none();
        self.client.as_ref().is_ok_and(is) && self.server.last().is_some_and(is)
    }
}

fn stayed(link: &LinkInfo) -> Reason {
    assert_eq!(link.kind(), LinkKind::Uds);
    link.reason().unwrap()
}

/// The only one of its kind while it lives, as it counts the descriptors of the process.
pub(crate) struct Stage {
    pub(crate) client: Runtime,
    pub(crate) server: Runtime,
    pub(crate) listener: Listener,
    pub(crate) address: Address,
    _folder: TempDir,
    _alone: MutexGuard<'static, ()>,
}

impl Stage {
    /// With a server that has served a client before.
    pub(crate) fn new(server_mode: ShmMode) -> Self {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let (client, server) = (one_thread(), one_thread());
        let folder = TempDir::new().unwrap();
        let address = Address::Unix(folder.path().join("s"));
        let binding = Listener::builder()
            .shm_mode(server_mode)
            .bind([address.clone()]);
        let listener = server.block_on(binding).unwrap();
        let mut stage = Self {
            client,
            server,
            listener,
            address,
            _folder: folder,
            _alone: alone,
        };
        stage.serves_a_good_client();
        stage
    }

    /// One client of this mode comes while a system call fails, and sees to it that nothing of it is left
    /// and that the next client is served.
    pub(crate) fn survives(&mut self, client_mode: ShmMode, injected: Injected) -> Met {
        let (panics, descriptors) = (panics_so_far(), open_descriptors());
        let met = self.meet(client_mode, Some(injected));
        assert_eq!(panics_so_far(), panics, "panics during {injected:?}");
        self.settles_to(descriptors);
        self.serves_a_good_client();
        met
    }

    /// A client without a failure gets into shared memory.
    pub(crate) fn serves_a_good_client(&mut self) {
        let met = self.meet(ShmMode::Require, None);
        assert!(met.is_in_memory(), "{met:?}");
    }

    fn meet(&mut self, client_mode: ShmMode, injected: Option<Injected>) -> Met {
        let inject = move |side, from| {
            if let Some(injected) = injected
                && (injected.side, injected.from) == (side, from)
            {
                injected.call.fails_with(injected.errno);
            }
        };
        let (leave, left) = oneshot::channel::<()>();
        let connector = Connector::default().shm_mode(client_mode);
        let (client, server, address) = (&self.client, &self.server, &self.address);
        let listener = &mut self.listener;
        thread::scope(|scope| {
            let serving = scope.spawn(move || {
                inject(Side::Server, From::TheStart);
                server.block_on(serve(listener, left))
            });
            let visiting = scope.spawn(move || {
                inject(Side::Client, From::TheStart);
                let then = || inject(Side::Client, From::TheConnection);
                let result = client.block_on(visit(connector, address, then));
                drop(leave);
                result
            });
            Met {
                client: visiting.join().unwrap_or_else(|panic| resume_unwind(panic)),
                server: serving.join().unwrap_or_else(|panic| resume_unwind(panic)),
            }
        })
    }

    /// Runs the server until no more descriptors are open than `before`.
    pub(crate) fn settles_to(&mut self, before: usize) {
        let listener = &mut self.listener;
        self.server
            .block_on(within("the descriptors to be closed", async {
                while open_descriptors() > before {
                    tokio::select! {
                        // Its client has left.
                        link = listener.accept() => drop(link),
                        () = tokio::time::sleep(Duration::from_millis(1)) => {}
                    }
                }
            }));
    }
}

pub(crate) fn one_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// The number of open descriptors, with the one that counting takes.
pub(crate) fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Sends back what clients send, until the client under test has `left`.
pub(crate) async fn serve(listener: &mut Listener, left: impl Future) -> Vec<LinkInfo> {
    let mut left = std::pin::pin!(left);
    let mut links = Vec::new();
    let mut echoes = JoinSet::new();
    loop {
        tokio::select! {
            link = listener.accept() => {
                let link = link.unwrap();
                links.push(link.info());
                echoes.spawn(echo(link));
            }
            _ = &mut left => break,
        }
    }
    within("the server's links to end", async {
        while echoes.join_next().await.is_some() {}
    })
    .await;
    links
}

/// Errors are the client's to judge.
async fn echo(mut link: Link) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match link.read(&mut buffer).await? {
            0 => return link.shutdown().await,
            len => link.write_all(&buffer[..len]).await?,
        }
    }
}

async fn visit(
    connector: Connector,
    address: &Address,
    then: impl FnOnce(),
) -> Result<LinkInfo, Failed> {
    // In a task of its own, which the timeout does not wake.
    let address = address.clone();
    let connecting = tokio::spawn(async move { connector.connect(&address).await });
    let mut link = match tokio::time::timeout(WELL_BEFORE_THE_DEADLINE, connecting).await {
        Ok(connected) => connected.unwrap_or_else(|error| resume_unwind(error.into_panic()))?,
        Err(_) => panic!("neither a link nor an error after {WELL_BEFORE_THE_DEADLINE:?}"),
    };
    then();
    carry(&mut link).await?;
    Ok(link.info())
}

/// Sends much, and then a little, and gets the same back.
pub(crate) async fn carry(link: &mut Link) -> io::Result<()> {
    let mut much = PREFACE.to_vec();
    much.extend((0..MUCH).map(|i| (i % 251) as u8));
    for bytes in [&much[..], b"and back"] {
        let mut received = vec![0; bytes.len()];
        let (mut reader, mut writer) = tokio::io::split(&mut *link);
        let both =
            async { tokio::try_join!(writer.write_all(bytes), reader.read_exact(&mut received)) };
        within("the bytes to come back", both).await?;
        assert!(received == bytes, "the bytes that came back differ");
    }
    Ok(())
}
