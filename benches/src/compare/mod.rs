//! `compare`: the same service called over every link, in every pattern.
//!
//! ```text
//!   this process             a client's process, one a link       a server's process
//!   rounds, table, page  --orders-->  patterns, clocks  ==link==>  the service
//! ```
//!
//! This process only waits while a link is measured. Each case has processes of its own. A client's process ends when
//! its standard input does, and a server's when its client has gone, so that nothing is left running however this one
//! ends.

mod allocator;
mod busy;
mod client;
mod comparison;
mod connection;
mod cores;
mod host;
mod idle;
mod link;
mod options;
mod orders;
mod page;
mod pattern;
mod patterns;
mod payload;
mod process;
mod progress;
mod report;
mod rounds;
mod runtime;
mod server;
mod service;
mod size;
mod statistics;
mod table;
mod transport;
mod worker;

pub(crate) use options::{Options, RuntimeOptions, ServerOptions};

use crate::Result;
use busy::BusyCpus;
use host::Host;
use pattern::Pattern;
use report::{Report, Settings};
use rounds::Rounds;
use std::fs;
use std::io;
use std::path::Path;
use tokio::signal::unix::{SignalKind, signal};

/// How the program starts itself as the client of a link.
pub(crate) const CLIENT: &str = "compare-client";

/// How it starts itself as the server of a link.
pub(crate) const SERVER: &str = "compare-server";

/// The comparison.
pub(crate) fn run(options: &Options) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let report = runtime.block_on(measure(options))?;
    if let Some(file) = &options.json {
        write(file, &(serde_json::to_string_pretty(&report)? + "\n"))?;
    }
    if let Some(file) = &options.html {
        write(file, &page::render(&report))?;
    }
    print!("{}", table::notes(&report.left_out));
    if report.settings.interrupted {
        return Err("interrupted: this is what was there".into());
    }
    if report.left_out.iter().any(|one| one.failed) {
        return Err("not every link could be measured".into());
    }
    Ok(())
}

async fn measure(options: &Options) -> Result<Report> {
    let settings = Settings {
        runtime: options.runtime.clone(),
        busy_cpus: options.busy_cpus,
        rounds: options.rounds(Pattern::Unary),
        turn_ms: options.turn(Pattern::Unary).as_millis() as u64,
        glibc_tunables: options.runtime.allocator.tunables(),
        interrupted: false,
    };
    let mut rounds = Rounds::new(options, Report::new(Host::here(), settings))?;
    let busy = BusyCpus::start(options.busy_cpus, &options.runtime.cpus)?;
    let mut terminated = signal(SignalKind::terminate())?;
    let interrupted = tokio::select! {
        () = rounds.run() => false,
        _ = tokio::signal::ctrl_c() => true,
        _ = terminated.recv() => true,
    };
    drop(busy);
    let mut report = rounds.finish().await;
    report.settings.interrupted = interrupted;
    Ok(report)
}

fn write(file: &Path, text: &str) -> Result<()> {
    fs::write(file, text)
        .map_err(|error: io::Error| format!("{} cannot be written: {error}", file.display()).into())
}

/// The client's process.
pub(crate) fn run_client(options: &RuntimeOptions) -> Result<()> {
    runtime::run(options, client::run(options.clone()))
}

/// The server's process.
pub(crate) fn run_server(options: &ServerOptions) -> Result<()> {
    runtime::run(&options.runtime, server::run(options.clone()))
}
