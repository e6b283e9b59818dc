//! The command line, and what it asks to be measured.

use super::allocator::Allocator;
use super::link::Link;
use super::pattern::{Case, Pattern};
use super::size::PayloadSize;
use clap::{Args, ValueEnum};
use serde::Serialize;
use std::path::PathBuf;
use std::time::Duration;

/// What `compare` can be asked for.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// Links, separated by commas [default: all].
    #[arg(long, value_enum, value_delimiter = ',')]
    links: Vec<Link>,
    /// Patterns, separated by commas [default: all].
    #[arg(long, value_enum, value_delimiter = ',')]
    patterns: Vec<Pattern>,
    /// Payloads such as 64, 4KiB, 1MiB, at most 16MiB [default: 64,4KiB,64KiB,1MiB,16MiB].
    ///
    /// Unary calls and streams are measured with each; `mixed`, `paced` and `fan-in` with the first.
    #[arg(long, value_delimiter = ',')]
    payloads: Vec<PayloadSize>,
    /// Calls at a time [default: 1,16,64,256].
    ///
    /// Unary calls and streams have the first with each payload; unary calls also have each other with the first payload.
    #[arg(long, value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..=1024))]
    concurrency: Vec<u16>,
    /// Calls per second of `paced` [default: 1000,10000].
    #[arg(long, value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rates: Vec<u32>,
    /// Connections of `idle` [default: 1000].
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    connections: Option<u16>,
    /// Client processes of `fan-in` [default: 8].
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=256))]
    clients: Option<u16>,
    /// How often the links take turns in each case, in `idle` half as often [default: 5].
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1000))]
    rounds: Option<u16>,
    /// How long a turn of a link measures, in milliseconds [default: 200]; `paced` and `idle` take five times as long.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=60_000))]
    round_ms: Option<u64>,
    /// Measures less and shorter, and ends within a minute or so.
    #[arg(long)]
    quick: bool,
    #[command(flatten)]
    pub(crate) runtime: RuntimeOptions,
    /// Keeps this many CPUs busy with other work at the same time, one thread on each.
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub(crate) busy_cpus: usize,
    /// Writes the figures as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Writes a page with plots of the figures.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}

/// Where and with how many threads both processes run.
#[derive(Debug, Clone, Default, Args, Serialize)]
pub(crate) struct RuntimeOptions {
    /// CPUs that both processes are pinned to, such as 0 or 0,1 [default: not pinned].
    #[arg(long, value_delimiter = ',', value_parser = clap::value_parser!(u16).range(..1024))]
    pub(crate) cpus: Vec<u16>,
    /// Worker threads of each process's runtime [default: tokio's, one a CPU].
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) workers: Option<u16>,
    /// What glibc's allocator does with freed memory, in both processes of every link.
    ///
    /// With messages of 64 KiB and more its default measures the kernel's page faults rather than the links.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) allocator: Allocator,
}

impl RuntimeOptions {
    /// As arguments of another process, which gets the allocator by its environment.
    pub(crate) fn to_arguments(&self) -> Vec<String> {
        let cpus = self.cpus.iter().map(|cpu| format!("--cpus={cpu}"));
        let workers = self
            .workers
            .iter()
            .map(|count| format!("--workers={count}"));
        cpus.chain(workers).collect()
    }
}

/// What the server's process is told.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServerOptions {
    /// The link to serve.
    #[arg(value_enum)]
    pub(crate) link: Link,
    /// The address to listen on.
    pub(crate) address: String,
    #[command(flatten)]
    pub(crate) runtime: RuntimeOptions,
}

/// What a run does where the command line leaves it open.
struct Defaults {
    payloads: &'static [PayloadSize],
    concurrency: &'static [u16],
    rates: &'static [u32],
    connections: u16,
    clients: u16,
    rounds: u16,
    round_ms: u64,
}

const FULL: Defaults = Defaults {
    payloads: &[
        PayloadSize(64),
        PayloadSize::kib(4),
        PayloadSize::kib(64),
        PayloadSize::mib(1),
        PayloadSize::mib(16),
    ],
    concurrency: &[1, 16, 64, 256],
    rates: &[1_000, 10_000],
    connections: 1_000,
    clients: 8,
    rounds: 5,
    round_ms: 200,
};

const QUICK: Defaults = Defaults {
    payloads: &[PayloadSize(64), PayloadSize::kib(64), PayloadSize::mib(1)],
    concurrency: &[1, 64],
    rates: &[1_000],
    connections: 100,
    clients: 4,
    rounds: 3,
    round_ms: 50,
};

impl Options {
    fn defaults(&self) -> &'static Defaults {
        if self.quick { &QUICK } else { &FULL }
    }

    pub(crate) fn links(&self) -> Vec<Link> {
        let mut links = or(&self.links, Link::value_variants());
        links.sort();
        links.dedup();
        links
    }

    pub(crate) fn rounds(&self, pattern: Pattern) -> usize {
        let rounds = usize::from(self.rounds.unwrap_or(self.defaults().rounds));
        match pattern {
            // Seconds are spent on waiting until all is quiet, and there is less to disturb.
            Pattern::Idle => rounds.div_ceil(2),
            _ => rounds,
        }
    }

    /// How long a turn of a link takes in a case, without its warm-up.
    pub(crate) fn turn(&self, pattern: Pattern) -> Duration {
        let turn = Duration::from_millis(self.round_ms.unwrap_or(self.defaults().round_ms));
        match pattern {
            // Little happens in a short time.
            Pattern::Paced | Pattern::Idle => turn * 5,
            _ => turn,
        }
    }

    /// What is measured, in the order given here.
    pub(crate) fn cases(&self) -> Vec<Case> {
        let mut patterns = or(&self.patterns, Pattern::value_variants());
        patterns.sort();
        patterns.dedup();
        patterns
            .into_iter()
            .flat_map(|pattern| self.cases_of(pattern))
            .collect()
    }

    fn cases_of(&self, pattern: Pattern) -> Vec<Case> {
        let defaults = self.defaults();
        let payloads = or(&self.payloads, defaults.payloads);
        let concurrency = or(&self.concurrency, defaults.concurrency);
        // Neither list is ever empty.
        let first = Case {
            concurrency: concurrency[0].into(),
            ..Case::new(pattern, payloads[0])
        };
        let each_payload = payloads.iter().map(|payload| Case {
            payload_bytes: payload.0,
            ..first
        });
        let one_at_a_time = Case::new(pattern, payloads[0]);
        match pattern {
            Pattern::Unary => each_payload
                .chain(concurrency[1..].iter().map(|&concurrency| Case {
                    concurrency: concurrency.into(),
                    ..first
                }))
                .collect(),
            Pattern::ClientStream | Pattern::ServerStream | Pattern::Bidi => each_payload.collect(),
            Pattern::Mixed => vec![one_at_a_time],
            Pattern::Paced => or(&self.rates, defaults.rates)
                .into_iter()
                .map(|calls_per_s| Case {
                    calls_per_s,
                    ..one_at_a_time
                })
                .collect(),
            Pattern::Idle => vec![Case {
                connections: self.connections.unwrap_or(defaults.connections).into(),
                ..one_at_a_time
            }],
            Pattern::FanIn => vec![Case {
                clients: self.clients.unwrap_or(defaults.clients).into(),
                ..one_at_a_time
            }],
        }
    }
}

/// What was asked for, or else what is usual.
fn or<T: Clone>(asked: &[T], usual: &[T]) -> Vec<T> {
    if asked.is_empty() { usual } else { asked }.to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        options: Options,
    }

    fn parse(line: &str) -> Result<Options, clap::Error> {
        let words = ["compare"].into_iter().chain(line.split_whitespace());
        Command::try_parse_from(words).map(|command| command.options)
    }

    fn titles(line: &str) -> Vec<String> {
        let options = parse(line).expect("a right command line");
        options.cases().iter().map(Case::to_string).collect()
    }

    #[test]
    fn everything_is_measured_unless_asked() {
        let options = parse("").expect("no options");
        assert_eq!(options.links(), Link::value_variants());
        let measured: Vec<Pattern> = options.cases().iter().map(|case| case.pattern).collect();
        for pattern in Pattern::value_variants() {
            assert!(measured.contains(pattern), "{pattern}");
        }
    }

    #[test]
    fn quick_is_less_and_what_is_asked_for_wins() {
        let (full, quick) = (parse("").unwrap(), parse("--quick").unwrap());
        assert!(quick.cases().len() < full.cases().len());
        assert!(quick.turn(Pattern::Unary) < full.turn(Pattern::Unary));
        let asked = parse("--quick --rounds 9 --round-ms 7").unwrap();
        assert_eq!(asked.rounds(Pattern::Unary), 9);
        assert_eq!(asked.rounds(Pattern::Idle), 5);
        assert_eq!(asked.turn(Pattern::Unary), Duration::from_millis(7));
        assert_eq!(asked.turn(Pattern::Paced), Duration::from_millis(35));
    }

    #[test]
    fn payloads_and_concurrency_are_combined_along_two_lines() {
        assert_eq!(
            titles("--patterns unary --payloads 64,4KiB --concurrency 2,8"),
            [
                "unary, 64 B, 2 at a time",
                "unary, 4 KiB, 2 at a time",
                "unary, 64 B, 8 at a time"
            ]
        );
        assert_eq!(
            titles("--patterns bidi,mixed,client-stream --payloads 1MiB --concurrency 4,8"),
            [
                "client-stream, 1 MiB, 16 messages a call, 4 at a time",
                "bidi, 1 MiB, 4 at a time",
                "mixed, calls of 1 MiB beside a bulk stream"
            ]
        );
        assert_eq!(
            titles("--patterns paced,idle,fan-in --rates 5 --connections 6 --clients 7"),
            [
                "paced, 64 B, 5 calls/s",
                "idle, 6 connections",
                "fan-in, 64 B, 7 client processes"
            ]
        );
    }

    #[test]
    fn links_are_shown_in_one_order_and_once() {
        let options = parse("--links shm,tonic-uds,shm").unwrap();
        assert_eq!(options.links(), [Link::TonicUds, Link::Shm]);
    }

    #[test]
    fn another_process_gets_the_same_runtime() {
        let options = parse("--cpus 0,1 --workers 3").unwrap();
        assert_eq!(
            options.runtime.to_arguments(),
            ["--cpus=0", "--cpus=1", "--workers=3"]
        );
    }

    #[test]
    fn nonsense_is_refused() {
        for line in [
            "--links smoke",
            "--patterns ternary",
            "--payloads 64MiB",
            "--concurrency 0",
            "--rounds 0",
            "--rates 0",
            "--workers 0",
            "--clients 0",
            "--connections 0",
            "--cpus 9999",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
