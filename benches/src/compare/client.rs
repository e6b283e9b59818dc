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
        connection, server, ..
    }) = open
    {
        drop(connection);
        if let Some(server) = server {
            server.close().await?;
        }
    }
    Ok(())
}

async fn obey(order: Order, open: &mut Option<Open>, runtime: &RuntimeOptions) -> Result<Answer> {
    let opened = || open.as_ref().ok_or("no link is open");
    match order {
        Order::Open { link, folder } => {
            let (server, connection) = connection::open(link, &folder, runtime).await?;
            let place = server.place.clone();
            first_work(&connection).await?;
            *open = Some(Open {
                link,
                connection,
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
            let open = opened()?;
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
        Order::Idle {
            connections,
            settle_ms,
            measured_ms,
        } => {
            let open = opened()?;
            let (settle, time) = (
                Duration::from_millis(settle_ms),
                Duration::from_millis(measured_ms),
            );
            let sample = patterns::idle(open.link, &open.place, connections, settle, time).await?;
            Ok(Answer::Idled(sample))
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
