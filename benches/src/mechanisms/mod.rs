//! The ladder: the bare mechanisms that stand below the links, from a pipe to a busy ring, each measured alone
//! between two processes. It tells what the machine allows, and so where the time of a call goes.
//!
//! For each turn of a mechanism two processes of this program are started (`pair`), get what connects them (a
//! [`Mechanism`] makes it), and talk (`worker`). Every message is filled by whoever sends
//! it and checked by whoever receives it (`pattern`), for each mechanism alike. The mechanisms take turns for
//! some rounds; the medians are shown.

mod byte_stream;
mod counter_under_mutex;
mod dbus;
mod dbus_daemon;
mod descriptors;
mod eventfd;
mod fifo;
mod figures;
mod futex;
mod io_uring;
mod mapped_file;
mod mechanism;
mod message_queue;
mod pair;
mod parts;
mod pattern;
mod pipe;
mod ring;
mod shared_memory;
mod table;
mod tcp;
mod unix_messages;
mod unix_stream;
mod worker;

use crate::Result;
use clap::{Args, Subcommand};
use figures::{Figures, Outcome};
use mechanism::{Mechanism, Side};
use signal_hook::consts::{SIGINT, SIGTERM};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The command that starts one of the processes.
pub(crate) const PART: &str = "mechanisms-part";

/// How long to measure.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Time of one measurement; each mechanism has three a round.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=60_000))]
    milliseconds: u64,
    /// How often the mechanisms take turns.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rounds: u32,
}

/// What a process of a measurement does.
#[derive(Debug, Args)]
pub(crate) struct Part {
    #[command(subcommand)]
    role: Role,
}

#[derive(Debug, Subcommand)]
enum Role {
    /// One side of a mechanism; standard input is the socket to whoever measures.
    Worker { mechanism: String, side: Side },
    /// Becomes a dbus-daemon that ends with its parent.
    DbusDaemon { configuration: PathBuf },
}

/// In the order of the table: what sleeps in the kernel, then what shares memory.
fn all() -> Vec<Box<dyn Mechanism>> {
    vec![
        Box::new(pipe::Pipe),
        Box::new(fifo::Fifo),
        Box::new(unix_stream::UnixStream),
        Box::new(unix_messages::UnixMessages::Datagram),
        Box::new(unix_messages::UnixMessages::Seqpacket),
        Box::new(tcp::Tcp),
        Box::new(message_queue::MessageQueue),
        Box::new(io_uring::IoUring),
        Box::new(dbus::DBus),
        Box::new(eventfd::Eventfd),
        Box::new(futex::Futex),
        Box::new(counter_under_mutex::CounterUnderMutex),
        Box::new(mapped_file::MappedFile),
        Box::new(ring::Ring::Doorbell),
        Box::new(ring::Ring::Polling),
    ]
}

/// Measures all mechanisms and prints the table; once interrupted, what there is of it. To be called from a thread that
/// lasts as long as the program: the processes end with the thread that started them.
pub(crate) fn run(options: &Options) -> Result<()> {
    // From now on these signals do not end the process: the turn under way is finished.
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&interrupted))?;
    }
    let mechanisms = all();
    let time = Duration::from_millis(options.milliseconds);
    let mut outcomes: Vec<Outcome> = mechanisms.iter().map(|_| Ok(Vec::new())).collect();
    'rounds: for round in 1..=options.rounds {
        for (mechanism, outcome) in mechanisms.iter().zip(&mut outcomes) {
            if interrupted.load(Ordering::Relaxed) {
                break 'rounds;
            }
            eprintln!(
                "Round {round} of {}: {} ...",
                options.rounds,
                mechanism.name()
            );
            add_turn(outcome, || pair::measure(mechanism.as_ref(), time));
        }
    }
    println!("{}", table::render(&mechanisms, &outcomes));
    if interrupted.load(Ordering::Relaxed) {
        return Err("interrupted: this is what was there".into());
    }
    Ok(())
}

/// What cannot be measured once is not tried again.
fn add_turn(outcome: &mut Outcome, turn: impl FnOnce() -> Result<Figures>) {
    if let Ok(turns) = outcome {
        match turn() {
            Ok(figures) => turns.push(figures),
            Err(reason) => *outcome = Err(reason.to_string()),
        }
    }
}

/// Is one of the processes of a measurement.
pub(crate) fn play(part: &Part) -> Result<()> {
    // Whoever measures may be ended by force; nobody would talk to us then.
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    match &part.role {
        Role::Worker { mechanism, side } => {
            let mechanisms = all();
            let named = mechanisms.iter().find(|one| one.name() == mechanism);
            let mechanism = named.ok_or_else(|| format!("there is no mechanism `{mechanism}`"))?;
            worker::work(mechanism.as_ref(), *side)
        }
        Role::DbusDaemon { configuration } => dbus_daemon::become_daemon(configuration),
    }
}
