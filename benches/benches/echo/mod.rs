//! A server on a thread of its own, which sends back what comes.

use isotonic_link::{Address, Connector, Link, Listener, ShmMode};
use std::thread;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

/// A runtime of one thread, so that a wake-up is one of a process and not of a worker beside it.
pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

/// Serves until it is dropped.
pub(crate) struct EchoServer {
    address: Address,
    /// Its end is seen by the thread.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
    _folder: TempDir,
}

impl EchoServer {
    pub(crate) fn start() -> Self {
        let folder = TempDir::new().expect("a folder");
        let address = Address::Unix(folder.path().join("socket"));
        let runtime = runtime();
        let listener = runtime
            .block_on(Listener::bind([address.clone()]))
            .expect("a socket in a new folder");
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = serve(listener) => {}
                    _ = stopped => {}
                }
            });
        });
        Self {
            address,
            stop: Some(stop),
            thread: Some(thread),
            _folder: folder,
        }
    }

    pub(crate) async fn connect(&self, mode: ShmMode) -> Link {
        let connector = Connector::default().shm_mode(mode);
        connector.connect(&self.address).await.expect("a link")
    }
}

impl Drop for EchoServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the server does not panic");
        }
    }
}

async fn serve(mut listener: Listener) {
    while let Some(link) = listener.accept().await {
        // It ends with its client.
        tokio::spawn(echo(link));
    }
}

async fn echo(mut link: Link) -> std::io::Result<()> {
    let mut bytes = [0; 64];
    loop {
        match link.read(&mut bytes).await? {
            0 => return link.shutdown().await,
            len => {
                link.write_all(&bytes[..len]).await?;
                link.flush().await?;
            }
        }
    }
}

/// What HTTP/2 begins with: a link without a handshake is known by it.
const BYTE: u8 = b'P';

/// Sends one byte and waits for it to come back.
pub(crate) async fn round_trip(link: &mut Link) {
    let mut byte = [BYTE];
    link.write_all(&byte).await.expect("the server reads");
    link.flush().await.expect("the server reads");
    byte[0] = 0;
    link.read_exact(&mut byte)
        .await
        .expect("the server answers");
    assert_eq!(byte, [BYTE]);
}
