//! shmipc: streams of bytes through shared memory, by tokio. A request says its length in its first word, and the
//! payload is written and read in the shared memory itself.

use crate::client::Caller;
use crate::{LARGEST, Result, payload};
use shmipc::config::{Config, SizePercentPair};
use shmipc::consts::MemMapType;
use shmipc::session::{SessionManager, SessionManagerConfig};
use shmipc::stream::Stream;
use shmipc::transport::{DefaultUnixConnect, DefaultUnixListen};
use shmipc::{Error, Listener};
use std::os::unix::net::SocketAddr;
use std::path::Path;

/// Bytes of the length.
const HEADER: usize = size_of::<u64>();

/// How the peer is told that something is there; the client asks for it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wakes {
    /// The default of shmipc.
    Socket,
    /// What shmipc recommends for small messages.
    Eventfd,
}

/// Slices in which each of our sizes has room in one piece.
fn config(wakes: Wakes) -> Config {
    let slices = |size: usize, percent| SizePercentPair {
        size: (size + 256) as u32,
        percent,
    };
    let config = Config {
        mem_map_type: MemMapType::MemMapTypeMemFd,
        buffer_slice_sizes: vec![slices(64, 10), slices(64 * 1024, 20), slices(LARGEST, 70)],
        ..Config::default()
    };
    match wakes {
        Wakes::Socket => config,
        Wakes::Eventfd => config.with_v4_eventfd(),
    }
}

fn address(folder: &Path) -> Result<SocketAddr> {
    Ok(SocketAddr::from_pathname(folder.join("socket"))?)
}

pub(super) async fn serve(folder: &Path, ready: impl FnOnce()) -> Result<()> {
    // It serves both kinds of wake-ups.
    let config = config(Wakes::Socket);
    let mut listener = Listener::new(DefaultUnixListen, address(folder)?, config).await?;
    ready();
    loop {
        let stream = listener.accept().await?;
        // It ends with its client.
        tokio::spawn(answer(stream));
    }
}

async fn answer(mut stream: Stream) -> Result<()> {
    loop {
        let header = stream.peek(HEADER).await?;
        let len = u64::from_le_bytes(*header.first_chunk().ok_or("a short header")?);
        drop(header);
        let len = usize::try_from(len)?;
        let request = stream.read_exact_bytes(HEADER + len).await?;
        let first = payload::check_request(&request[HEADER..])?;
        drop(request);
        stream.release_read_and_reuse();
        send(&mut stream, len, first).await?;
    }
}

async fn send(stream: &mut Stream, bytes: usize, first: u64) -> Result<()> {
    let target = stream.reserve(HEADER + bytes)?;
    let (header, payload) = target.split_at_mut(HEADER);
    header.copy_from_slice(&(bytes as u64).to_le_bytes());
    payload::fill(payload, first);
    loop {
        match stream.flush(false).await {
            Err(Error::QueueFull) => tokio::task::yield_now().await,
            result => return Ok(result?),
        }
    }
}

pub(super) async fn connect(folder: &Path, wakes: Wakes) -> Result<ShmipcCaller> {
    let config = SessionManagerConfig::new()
        .with_config(config(wakes))
        .with_session_num(1);
    let sessions = SessionManager::new(config, DefaultUnixConnect, address(folder)?).await?;
    let stream = sessions.get_stream()?;
    Ok(ShmipcCaller {
        stream,
        _sessions: sessions,
    })
}

pub(super) struct ShmipcCaller {
    stream: Stream,
    _sessions: SessionManager<DefaultUnixConnect>,
}

impl Caller for ShmipcCaller {
    async fn call(&mut self, number: u64, bytes: usize) -> Result<()> {
        send(&mut self.stream, bytes, number).await?;
        let answer = self.stream.read_exact_bytes(HEADER + bytes).await?;
        payload::check(&answer[HEADER..], bytes, payload::answer_to(number))?;
        drop(answer);
        self.stream.release_read_and_reuse();
        Ok(())
    }
}
