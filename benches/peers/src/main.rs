//! Other ways to call a process on the same machine, and isotonic beside them: one caller, one call at a time, the
//! same payloads, filled by whoever sends them and checked by whoever receives them.
//!
//! `cargo run --release` in this folder runs them in turns, each with two processes, and prints a table.

#![forbid(unsafe_code)]

mod client;
mod payload;
mod peers;
mod processes;
mod table;

use clap::{Args, Parser, Subcommand};
use peers::Peer;
use processes::{Figures, Turn};
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Bytes of a request, and of its answer.
const SIZES: [usize; 3] = [64, 64 * 1024, LARGEST];
const LARGEST: usize = 1024 * 1024;

#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    role: Option<Role>,
    #[command(flatten)]
    options: Options,
}

/// How long to measure.
#[derive(Debug, Args)]
struct Options {
    /// Time of one measurement; each peer has three a round.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..=60_000))]
    milliseconds: u64,
    /// How often the peers take turns.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rounds: u32,
}

#[derive(Debug, Subcommand)]
enum Role {
    /// The process that answers.
    #[command(hide = true)]
    Server { peer: Peer, folder: PathBuf },
    /// The process that calls.
    #[command(hide = true)]
    Client { peer: Peer, folder: PathBuf },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.role {
        None => compare(&arguments.options),
        Some(Role::Server { peer, folder }) => processes::be_server(peer, &folder),
        Some(Role::Client { peer, folder }) => processes::be_client(peer, &folder),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("isotonic-peers: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Every turn of each peer, or why there is none.
type Outcomes = Vec<(Peer, std::result::Result<Vec<Turn>, String>)>;

fn compare(options: &Options) -> Result<()> {
    let time = Duration::from_millis(options.milliseconds);
    let mut outcomes: Outcomes = Peer::all().map(|peer| (peer, Ok(Vec::new()))).collect();
    for round in 1..=options.rounds {
        for (peer, outcome) in &mut outcomes {
            // What failed once is not tried again.
            let Ok(turns) = outcome else { continue };
            eprintln!("Round {round} of {}: {} ...", options.rounds, peer.name());
            match processes::measure(*peer, time) {
                Ok(turn) => turns.push(turn),
                Err(reason) => *outcome = Err(reason.to_string()),
            }
        }
    }
    println!("{}", table::render(&outcomes));
    Ok(())
}
