//! One type for every link.

use crate::ancillary::Received;
use crate::limits::PLAIN_READ;
use crate::peer_socket::PeerSocket;
#[cfg(target_os = "linux")]
use crate::shm_link::ShmLink;
use crate::violation::Violation;
use crate::{Address, LinkInfo, LinkKind, Reason};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::unix::pipe;
use tokio::sync::oneshot;

/// An ordered, reliable stream of bytes to another process, and what is known about it.
///
/// Dropping a link ends it in an orderly way; but what was written is sure to be on its way only after a
/// flush or a shutdown.
///
/// Made by a [`Connector`](crate::Connector), a [`Listener`](crate::Listener) or
/// [`spawn`](crate::spawn()); used like any other stream of tokio's. Writes are truly vectored.
///
/// Reading ends in `Ok` with no bytes when the peer shut its direction down or dropped the link, and
/// in [`ConnectionReset`](io::ErrorKind::ConnectionReset) when a shared-memory peer vanished without
/// doing so. A peer that breaks the protocol gives [`InvalidData`](io::ErrorKind::InvalidData).
///
/// ```
/// use isotonic_link::{Connector, Listener};
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// let address = format!("unix:{}/orders.sock", folder.path().display()).parse()?;
/// let mut listener = Listener::bind([address]).await?;
/// let mut client = Connector::default().connect(&listener.local_addresses()[0]).await?;
/// let mut server = listener.accept().await.expect("the listener is open");
///
/// client.write_all(b"ping").await?;
/// client.shutdown().await?;
/// let mut received = String::new();
/// server.read_to_string(&mut received).await?;
/// assert_eq!(received, "ping");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Link {
    stream: Stream,
    info: LinkInfo,
    /// Dropped with the link: tells whoever waits for its end.
    _end: Option<oneshot::Sender<()>>,
}

#[derive(Debug)]
enum Stream {
    Tcp(TcpStream),
    Unix {
        socket: PeerSocket,
        /// How the peer broke the rules: the link cannot be used any more.
        violation: Option<Violation>,
    },
    Pipe {
        receiver: pipe::Receiver,
        /// `None` after a shutdown: closing a pipe is how it ends.
        sender: Option<pipe::Sender>,
    },
    #[cfg(target_os = "linux")]
    Shm(Box<ShmLink>),
}

impl Link {
    pub(crate) fn tcp(stream: TcpStream, info: LinkInfo) -> Self {
        Self::new(Stream::Tcp(stream), info)
    }

    pub(crate) fn unix(stream: PeerSocket, info: LinkInfo) -> Self {
        let stream = Stream::Unix {
            socket: stream,
            violation: None,
        };
        Self::new(stream, info)
    }

    pub(crate) fn pipe(receiver: pipe::Receiver, sender: pipe::Sender, info: LinkInfo) -> Self {
        let stream = Stream::Pipe {
            receiver,
            sender: Some(sender),
        };
        Self::new(stream, info)
    }

    /// A link over two pipes that were made elsewhere: to a process started by other means, or within one
    /// process.
    ///
    /// ```
    /// use tokio::net::unix::pipe;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (to_server, from_client) = pipe::pipe()?;
    /// let (to_client, from_server) = pipe::pipe()?;
    /// let client = isotonic_link::Link::over_pipes(from_server, to_server);
    /// let server = isotonic_link::Link::over_pipes(from_client, to_client);
    /// # Ok(())
    /// # }
    /// ```
    pub fn over_pipes(receiver: pipe::Receiver, sender: pipe::Sender) -> Self {
        let info = LinkInfo::new(Address::Pipe, LinkKind::Pipe, Reason::OverPipe);
        Self::pipe(receiver, sender, info)
    }

    #[cfg(target_os = "linux")]
    pub(crate) fn shm(link: ShmLink, info: LinkInfo) -> Self {
        Self::new(Stream::Shm(Box::new(link)), info)
    }

    fn new(stream: Stream, info: LinkInfo) -> Self {
        Self {
            stream,
            info,
            _end: None,
        }
    }

    /// The link, and what completes when it is dropped.
    pub(crate) fn with_end(mut self) -> (Self, oneshot::Receiver<()>) {
        let (sender, receiver) = oneshot::channel();
        self._end = Some(sender);
        (self, receiver)
    }

    /// What is known about this link: a handle that stays valid while the link is used elsewhere.
    pub fn info(&self) -> LinkInfo {
        self.info.clone()
    }

    fn poll_write_slices(
        &mut self,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let sent = ready!(match &mut self.stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, buffers),
            Stream::Unix { socket, .. } => Pin::new(&mut **socket).poll_write_vectored(cx, buffers),
            Stream::Pipe {
                sender: Some(sender),
                ..
            } => Pin::new(sender).poll_write_vectored(cx, buffers),
            Stream::Pipe { sender: None, .. } => {
                Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
            }
            // It counts for itself: only it knows which way the bytes went.
            #[cfg(target_os = "linux")]
            Stream::Shm(link) => return link.poll_write_vectored(cx, buffers),
        })?;
        self.info.socket_sent(sent);
        Poll::Ready(Ok(sent))
    }
}

impl AsyncRead for Link {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        target: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = target.filled().len();
        let this = &mut *self;
        ready!(match &mut this.stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_read(cx, target),
            Stream::Unix { socket, violation } => {
                poll_read_bytes(socket, violation, cx, target, &this.info)
            }
            Stream::Pipe { receiver, .. } => Pin::new(receiver).poll_read(cx, target),
            #[cfg(target_os = "linux")]
            Stream::Shm(link) => return link.poll_read(cx, target),
        })?;
        self.info.socket_received(target.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Link {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_slices(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_slices(cx, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            // Sockets and pipes hold nothing back.
            Stream::Tcp(_) | Stream::Unix { .. } | Stream::Pipe { .. } => Poll::Ready(Ok(())),
            #[cfg(target_os = "linux")]
            Stream::Shm(link) => link.poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Unix { socket, .. } => Pin::new(&mut **socket).poll_shutdown(cx),
            Stream::Pipe { sender, .. } => {
                *sender = None;
                Poll::Ready(Ok(()))
            }
            #[cfg(target_os = "linux")]
            Stream::Shm(link) => link.poll_shutdown(cx),
        }
    }
}

/// Reads a Unix socket that carries plain bytes. tokio's own read would have the kernel close descriptors
/// that a peer sends along, which can block, and nobody would hear of it.
fn poll_read_bytes(
    stream: &PeerSocket,
    broken: &mut Option<Violation>,
    cx: &mut Context<'_>,
    target: &mut ReadBuf<'_>,
    info: &LinkInfo,
) -> Poll<io::Result<()>> {
    if let Some(violation) = broken {
        return Poll::Ready(Err(violation.clone().into()));
    }
    // The part is zeroed if it never was used before, so it should not be larger than what comes at a time.
    let room = target.remaining().min(PLAIN_READ);
    loop {
        ready!(stream.poll_read_ready(cx))?;
        let bytes = target.initialize_unfilled_to(room);
        match stream.try_receive(bytes).and_then(Received::only_bytes) {
            Ok(len) => {
                target.advance(len);
                return Poll::Ready(Ok(()));
            }
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                ) => {}
            Err(error) => {
                let violation = error
                    .get_ref()
                    .and_then(|inner| inner.downcast_ref::<Violation>());
                if let Some(violation) = violation {
                    info.incident(violation.incident());
                    *broken = Some(violation.clone());
                    // It may be gone already.
                    let _ = rustix::net::shutdown(stream, rustix::net::Shutdown::Both);
                }
                return Poll::Ready(Err(error));
            }
        }
    }
}
