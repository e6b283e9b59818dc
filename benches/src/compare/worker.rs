//! A client process, as the comparison sees it.

use super::allocator::TUNABLES;
use super::link::Link;
use super::options::RuntimeOptions;
use super::orders::{Answer, CallSample, Order, ServerPlace};
use super::pattern::Case;
use crate::Result;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// How long an answer may take beyond the time that the order itself says: for connecting, for calls that are long,
/// and for machines that are slow.
const PATIENCE: Duration = Duration::from_secs(120);

/// A client process, and the server that it has started.
#[derive(Debug)]
pub(super) struct Worker {
    child: Child,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    pub(super) server: ServerPlace,
}

impl Worker {
    /// A client with a server of its own, whose files are put into `folder`.
    pub(super) async fn open(link: Link, folder: &Path, runtime: &RuntimeOptions) -> Result<Self> {
        let folder = folder.to_owned();
        Self::start(Order::Open { link, folder }, runtime).await
    }

    /// One more client of a server.
    pub(super) async fn join(
        link: Link,
        server: &ServerPlace,
        runtime: &RuntimeOptions,
    ) -> Result<Self> {
        let server = server.clone();
        Self::start(Order::Join { link, server }, runtime).await
    }

    async fn start(order: Order, runtime: &RuntimeOptions) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(super::CLIENT)
            .args(runtime.to_arguments())
            // Its server inherits it.
            .envs(runtime.allocator.tunables().map(|value| (TUNABLES, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Ctrl-C is for the comparison, which ends its clients in order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let orders = child.stdin.take().ok_or("no standard input")?;
        let stdout = child.stdout.take().ok_or("no standard output")?;
        let mut worker = Self {
            child,
            orders,
            answers: BufReader::new(stdout).lines(),
            server: ServerPlace {
                address: String::new(),
                process: None,
            },
        };
        worker.tell(&order).await?;
        match worker.answer(Duration::ZERO).await? {
            Answer::Connected(server) => worker.server = server,
            other => return Err(unexpected(&other)),
        }
        Ok(worker)
    }

    /// Starts to measure; [`Self::measured`] waits for what comes of it.
    pub(super) async fn measure(
        &mut self,
        case: Case,
        warm_up: Duration,
        time: Duration,
    ) -> Result<()> {
        self.tell(&Order::Measure {
            case,
            warm_up_ms: warm_up.as_millis() as u64,
            measured_ms: time.as_millis() as u64,
        })
        .await
    }

    pub(super) async fn measured(&mut self, time: Duration) -> Result<CallSample> {
        match self.answer(time).await? {
            Answer::Measured(sample) => Ok(sample),
            other => Err(unexpected(&other)),
        }
    }

    pub(super) async fn open_more(&mut self, connections: usize) -> Result<()> {
        self.tell(&Order::OpenMore { connections }).await?;
        match self.answer(Duration::ZERO).await? {
            Answer::OpenedMore => Ok(()),
            other => Err(unexpected(&other)),
        }
    }

    /// The client's and the server's.
    pub(super) fn processes(&self) -> Vec<u32> {
        self.child
            .id()
            .into_iter()
            .chain(self.server.process)
            .collect()
    }

    async fn tell(&mut self, order: &Order) -> Result<()> {
        let mut line = serde_json::to_string(order)?;
        line.push('\n');
        Ok(self.orders.write_all(line.as_bytes()).await?)
    }

    async fn answer(&mut self, time: Duration) -> Result<Answer> {
        let line = tokio::time::timeout(time + PATIENCE, self.answers.next_line())
            .await
            .map_err(|_| format!("no answer from the client's process within {PATIENCE:?}"))??
            .ok_or("the client's process has ended")?;
        let answer: std::result::Result<Answer, String> = serde_json::from_str(&line)?;
        Ok(answer?)
    }

    /// Lets the process end its server and itself, and waits for it.
    pub(super) async fn close(self) -> Result<()> {
        let Self {
            mut child, orders, ..
        } = self;
        drop(orders);
        let ended = tokio::time::timeout(PATIENCE, child.wait()).await;
        let status = ended.map_err(|_| "the client's process did not end")??;
        if status.success() {
            Ok(())
        } else {
            Err(format!("the client's process ended with {status}").into())
        }
    }
}

fn unexpected(answer: &Answer) -> Box<dyn std::error::Error + Send + Sync> {
    format!("an answer to another order: {answer:?}").into()
}
