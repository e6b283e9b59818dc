//! Measurements of isotonic on the machine at hand: `cargo run --release -p isotonic-bench -- compare` and `-- mechanisms`.
#![forbid(unsafe_code)]

mod compare;
#[cfg(target_os = "linux")]
mod mechanisms;

/// The generated code.
mod proto {
    #![allow(missing_docs, unreachable_pub, unused_qualifications, clippy::all)]
    tonic::include_proto!("isotonic.bench");
}

use clap::{Parser, Subcommand};
use std::error::Error;
use std::process::ExitCode;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Measurements of isotonic on this machine.
#[derive(Debug, Parser)]
#[command(name = "isotonic-bench", arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Compares the links with each other and with tonic's own transports, client and server in two processes.
    Compare(compare::Options),
    /// The client's process of `compare`.
    #[command(hide = true, name = compare::CLIENT)]
    Client(compare::RuntimeOptions),
    /// The server's process of `compare`.
    #[command(hide = true, name = compare::SERVER)]
    Server(compare::ServerOptions),
    /// Measures the bare mechanisms that stand below the links, each between two processes.
    #[cfg(target_os = "linux")]
    Mechanisms(mechanisms::Options),
    /// One of the processes of `mechanisms`.
    #[cfg(target_os = "linux")]
    #[command(hide = true, name = mechanisms::PART)]
    MechanismsPart(mechanisms::Part),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Compare(options) => compare::run(&options),
        Command::Client(options) => compare::run_client(&options),
        Command::Server(options) => compare::run_server(&options),
        #[cfg(target_os = "linux")]
        Command::Mechanisms(options) => mechanisms::run(&options),
        #[cfg(target_os = "linux")]
        Command::MechanismsPart(part) => mechanisms::play(&part),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("isotonic-bench: {error}");
            ExitCode::FAILURE
        }
    }
}
