//! One unmodified tonic service in a second process, called over every link that isotonic has, and over tonic's own
//! transports for comparison. Prints which link was had and why, and how fast it was.
//!
//! `cargo run --release` at the root of the repository runs it; it takes some seconds and leaves nothing behind.
#![forbid(unsafe_code)]

mod blocks;
mod measure;
mod routes;
mod server;
mod table;

/// The generated code.
mod proto {
    #![allow(missing_docs, unreachable_pub, unused_qualifications, clippy::all)]
    tonic::include_proto!("isotonic.quickstart");
}

use std::error::Error;
use std::process::ExitCode;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.split_first() {
        None => tokio::select! {
            // On a worker of the runtime, as in a service: `main` itself runs on a thread beside them, and waking that
            // would cost every link some 30 µs a call.
            result = tokio::spawn(compare()) => result.unwrap_or_else(|panic| Err(panic.into())),
            // Everything is undone by being dropped: the child ended, the folder removed.
            _ = tokio::signal::ctrl_c() => Err("interrupted".into()),
        },
        Some((command, addresses)) if command == server::COMMAND => server::run(addresses).await,
        Some(_) => Err("the quickstart takes no arguments".into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("quickstart: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn compare() -> Result<()> {
    eprintln!("Starting the service in a second process and connecting to it by every link ...");
    let routes = routes::open().await?;
    eprintln!("Checking each link with small and 4 MiB payloads, unary and streamed ...");
    for route in &routes.all {
        measure::check(&route.channel)
            .await
            .map_err(|error| format!("{}: {error}", route.asked))?;
    }
    eprintln!("Measuring, the links taking turns ...");
    let mut figures = vec![measure::Figures::new()?; routes.all.len()];
    for _ in 0..measure::ROUNDS {
        for (route, figures) in routes.all.iter().zip(&mut figures) {
            figures
                .add_round(&route.channel)
                .await
                .map_err(|error| format!("{}: {error}", route.asked))?;
        }
    }
    println!("{}", table::render(&routes.all, &figures));
    routes.close().await
}
