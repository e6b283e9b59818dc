//! The client's process: does what it is told on standard input, and answers on standard output.

use super::connection::{self, Connection, Server};
use super::link::Link;
use super::options::RuntimeOptions;
use super::orders::{Answer, CallSample, Order, ServerPlace};
use super::pattern::{Case, Pattern};
use super::patterns;
use super::process::cpu_time;
use super::size::PayloadSize;
use crate::Result;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, BufReader};

/// A piece of work for a new link: one that moves into shared memory when it is busy needs some to do so.
const FIRST_WORK: Duration = Duration::from_millis(20);

/// How long a new link may take to become what it is measured as; much more than it needs on an idle machine.
const FIRST_WORK_PATIENCE: Duration = Duration::from_secs(10);

/// A link that is open, and the server if this process has started it.
struct Open {
    link: Link,
    connection: Connection,
    /// More connections to the same server, which do nothing.
    idle: Vec<Connection>,
    place: ServerPlace,
    server: Option<Server>,
}

/// Works until standard input ends.
pub(crate) async fn run(runtime: RuntimeOptions) -> Result<()> {
    let mut orders = BufReader::new(tokio::io::stdin()).lines();
    let mut open = None;
    while let Some(line) = orders.next_line().await? {
        let order: Order = serde_json::from_str(&line)?;
        let answer = tokio::select! {
            answer = obey(order, &mut open, &runtime) => answer,
            // There is one order at a time: this is the end, and the work is not wanted any more.
            _ = orders.next_line() => break,
        };
        let answer: std::result::Result<Answer, String> =
            answer.map_err(|error| with_causes(&*error));
        println!("{}", serde_json::to_string(&answer)?);
    }
    if let Some(Open {
        connection,
        idle,
        server,
        ..
    }) = open
    {
        drop((connection, idle));
        if let Some(server) = server {
            server.close().await?;
        }
    }
    Ok(())
}

async fn obey(order: Order, open: &mut Option<Open>, runtime: &RuntimeOptions) -> Result<Answer> {
    match order {
        Order::Open { link, folder } => {
            let (server, connection) = connection::open(link, &folder, runtime).await?;
            let place = server.place.clone();
            first_work(&connection).await?;
            *open = Some(Open {
                link,
                connection,
                idle: Vec::new(),
                place: place.clone(),
                server: Some(server),
            });
            Ok(Answer::Connected(place))
        }
        Order::Join {
            link,
            server: place,
        } => {
            let connection = connection::connect(link, &place.address).await?;
            first_work(&connection).await?;
            *open = Some(Open {
                link,
                connection,
                idle: Vec::new(),
                place: place.clone(),
                server: None,
            });
            Ok(Answer::Connected(place))
        }
        Order::Measure {
            case,
            warm_up_ms,
            measured_ms,
        } => {
            let open = open.as_ref().ok_or("no link is open")?;
            let client = open.connection.transport.clone().client();
            patterns::call(&client, &case, Duration::from_millis(warm_up_ms)).await?;
            let server_cpu = || open.place.process.map(cpu_time).transpose();
            let us = std::process::id();
            let (server_before, before) = (server_cpu()?, cpu_time(us)?);
            let called = patterns::call(&client, &case, Duration::from_millis(measured_ms)).await?;
            let (after, server_after) = (cpu_time(us)?, server_cpu()?);
            let nanos = |time: Duration| time.as_nanos() as u64;
            let mut sample = CallSample::new(&called.latencies);
            sample.payload_bytes = called.payload_bytes;
            sample.elapsed_ns = nanos(called.elapsed);
            sample.client_cpu_ns = nanos(after - before);
            sample.server_cpu_ns = server_before.map(nanos).zip(server_after.map(nanos));
            Ok(Answer::Measured(sample))
        }
        Order::OpenMore { connections } => {
            let open = open.as_mut().ok_or("no link is open")?;
            for _ in 0..connections {
                let connection = connection::connect(open.link, &open.place.address).await?;
                let client = connection.transport.clone().client();
                patterns::call_once(&client).await?;
                open.idle.push(connection);
            }
            Ok(Answer::OpenedMore)
        }
    }
}

/// Works a little, until the link is what it is measured as.
async fn first_work(connection: &Connection) -> Result<()> {
    let case = Case::new(Pattern::Unary, PayloadSize::kib(4));
    let client = connection.transport.clone().client();
    let start = Instant::now();
    loop {
        patterns::call(&client, &case, FIRST_WORK).await?;
        let checked = connection.check_kind();
        if checked.is_ok() || start.elapsed() > FIRST_WORK_PATIENCE {
            return checked;
        }
    }
}

/// With its causes: tonic's own message is "transport error", whatever happened.
fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}
