//! A server that sends back what it receives, and tells how each link ended.

use crate::descriptors::{closed_down_to, open_descriptors};
use crate::patience::within;
use crate::raw_peer::RawPeer;
use isotonic_link::{
    Address, Connector, Incident, Incidents, Link, LinkInfo, LinkKind, Listener, ListenerBuilder,
    Reason, SegmentRefused, ShmMode, Violation,
};
use std::io;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

pub(crate) struct EchoServer {
    pub(crate) address: Address,
    pub(crate) incidents: Incidents,
    ended: mpsc::UnboundedReceiver<Ended>,
    accepting: JoinHandle<()>,
    _folder: TempDir,
}

/// How a link ended at the server.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) link: LinkInfo,
    /// `Ok` after an end of the stream.
    pub(crate) result: io::Result<()>,
}

impl Ended {
    /// What has to be counted of a link that ended like this.
    fn incidents(&self) -> impl Iterator<Item = Incident> {
        let end = self
            .result
            .as_ref()
            .err()
            .and_then(|error| match error.kind() {
                io::ErrorKind::InvalidData => {
                    let violation = error.get_ref().and_then(|inner| inner.downcast_ref());
                    Some(
                        violation
                            .map(Violation::incident)
                            .expect("a typed violation"),
                    )
                }
                io::ErrorKind::ConnectionReset => Some(Incident::Vanished),
                _ => None,
            });
        let stay = self.link.reason().and_then(|reason| match reason {
            // Our own kernel's doing.
            Reason::SegmentRefused(SegmentRefused::Syscall { .. }) => None,
            Reason::SegmentRefused(_) | Reason::PeerRingSize { .. } => {
                Some(Incident::SegmentRefused)
            }
            Reason::QuotaReached { .. } => Some(Incident::MemoryQuotaReached),
            _ => None,
        });
        end.into_iter().chain(stay)
    }
}

impl EchoServer {
    pub(crate) async fn start() -> Self {
        Self::with(Listener::builder()).await
    }

    pub(crate) async fn with(builder: ListenerBuilder) -> Self {
        let folder = TempDir::new().unwrap();
        let address = Address::Unix(folder.path().join("echo"));
        let mut listener = builder.bind([address.clone()]).await.unwrap();
        let incidents = listener.incidents();
        let (report, ended) = mpsc::unbounded_channel();
        let accepting = tokio::spawn(async move {
            while let Some(link) = listener.accept().await {
                let report = report.clone();
                tokio::spawn(async move {
                    let info = link.info();
                    let result = echo(link).await;
                    // The test may be over.
                    let _ = report.send(Ended { link: info, result });
                });
            }
        });
        Self {
            address,
            incidents,
            ended,
            accepting,
            _folder: folder,
        }
    }

    /// Waits until this is counted, and sees to it that nothing else is.
    pub(crate) async fn counts(&self, expected: &[(Incident, u64)]) {
        let wanted = |incident| expected.iter().find(|(other, _)| *other == incident);
        let counted = || self.incidents.iter().filter(|(_, count)| *count > 0);
        let complete = async {
            while expected
                .iter()
                .any(|&(incident, count)| self.incidents.count(incident) < count)
            {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        within("the incidents to be counted", complete).await;
        for (incident, count) in counted() {
            assert_eq!(wanted(incident), Some(&(incident, count)), "{expected:?}");
        }
    }

    /// The next link that ends. What its peer did wrong has been counted.
    pub(crate) async fn next_end(&mut self) -> Ended {
        let ended = within("a link to end at the server", self.ended.recv()).await;
        let ended = ended.unwrap();
        for incident in ended.incidents() {
            assert!(self.incidents.count(incident) > 0, "{incident}: {ended:?}");
        }
        ended
    }

    /// Whether a link ended as one does whose peer broke the protocol.
    pub(crate) async fn next_end_is(&mut self, kind: io::ErrorKind) {
        let ended = self.next_end().await;
        let error = ended
            .result
            .expect_err("the link ended as if nothing were wrong");
        assert_eq!(error.kind(), kind, "{error}");
    }

    /// A client that does everything right gets into shared memory and has its bytes sent back.
    pub(crate) async fn serves_a_good_client(&mut self) {
        let connector = Connector::default().shm_mode(ShmMode::Require);
        let connecting = connector.connect(&self.address);
        let mut link = within("a good client to connect", connecting)
            .await
            .unwrap();
        assert_eq!(link.info().kind(), LinkKind::Shm);
        echoes(&mut link, b"a good client").await;
        drop(link);
        self.next_end().await.result.unwrap();
    }
}

impl Drop for EchoServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn echo(mut link: Link) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match link.read(&mut buffer).await? {
            0 => return link.shutdown().await,
            len => link.write_all(&buffer[..len]).await?,
        }
    }
}

/// Sends `bytes` and gets the same back.
pub(crate) async fn echoes(link: &mut Link, bytes: &[u8]) {
    let mut received = vec![0; bytes.len()];
    let both = async {
        link.write_all(bytes).await.unwrap();
        link.read_exact(&mut received).await.unwrap();
    };
    within("an echo", both).await;
    assert!(received == bytes, "the echo differs");
}

/// Has a client do what `misdeed` says, against a server that has served others before, and sees to it
/// that nothing of it is left and that the server goes on.
pub(crate) async fn survives(misdeed: impl AsyncFnOnce(&mut EchoServer, RawPeer)) {
    survives_with(Listener::builder(), misdeed).await;
}

/// Like [`survives`], against a server with these settings.
pub(crate) async fn survives_with(
    settings: ListenerBuilder,
    misdeed: impl AsyncFnOnce(&mut EchoServer, RawPeer),
) {
    let mut server = EchoServer::with(settings).await;
    server.serves_a_good_client().await;
    let before = open_descriptors();
    let client = RawPeer::connect(&server.address);
    misdeed(&mut server, client).await;
    closed_down_to(before).await;
    server.serves_a_good_client().await;
}
