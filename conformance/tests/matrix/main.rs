//! Every case over every link and with every foreign peer.
//!
//! `cargo test -p conformance --test matrix` runs all and says `N passed, N failed, N skipped`; the usual filters of
//! `cargo test` work (`-- shm::` for one link). What it finds is in `docs/CONFORMANCE.md`, which a complete run compares with what it
//! found, or writes, where `ISOTONIC_WRITE_CONFORMANCE` is set.

#![forbid(unsafe_code)]

mod foreign;
mod links;
mod table;

use conformance::case::{Case, Makers};
use conformance::{behaviour, interop, oracle};
use libtest_mimic::{Arguments, Trial};
use std::process::ExitCode;
use std::sync::Arc;
use table::{Column, Table};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let table = Arc::new(Table::default());
    let mut trials = Vec::new();
    for kind in links::KINDS {
        let makers = Makers {
            reference: links::REFERENCE.make,
            tested: kind.make,
        };
        for case in cases() {
            let column = Column::Link(kind.name);
            trials.push(trial(&table, column, case.name, move || case.run(makers)));
        }
    }
    let total = trials.len();
    trials.extend(foreign::trials(&table));
    println!("{} trials with foreign peers", trials.len() - total);

    let conclusion = libtest_mimic::run(&arguments, trials);
    println!(
        "{} passed, {} failed, {} skipped",
        conclusion.num_passed, conclusion.num_failed, conclusion.num_ignored
    );
    let complete =
        conclusion.num_filtered_out + conclusion.num_failed + conclusion.num_ignored == 0;
    if complete
        && !arguments.list
        && let Err(problem) = table.keep()
    {
        eprintln!("{problem}");
        return ExitCode::FAILURE;
    }
    conclusion.exit_code()
}

/// All cases, in the order of the table.
fn cases() -> impl Iterator<Item = &'static Case> {
    interop::CASES
        .iter()
        .chain(behaviour::CASES)
        .chain(behaviour::OF_LINKS)
        .chain(oracle::CASES)
}

/// One case in one column of the table, in a runtime of its own.
fn trial<R, F>(table: &Arc<Table>, column: Column, case: &'static str, run: R) -> Trial
where
    R: FnOnce() -> F + Send + 'static,
    F: Future<Output = ()>,
{
    let table = Arc::clone(table);
    Trial::test(format!("{}::{case}", column.name()), move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        runtime.block_on(run());
        table.passed(column, case);
        Ok(())
    })
}
