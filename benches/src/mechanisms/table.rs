//! The result as a table.

use super::figures::{Figures, Outcome};
use super::mechanism::Mechanism;
use std::fmt::Write;

/// One line a mechanism: medians over the rounds, with the largest deviation from them.
pub(super) fn render(mechanisms: &[Box<dyn Mechanism>], outcomes: &[Outcome]) -> String {
    let mut table = format!(
        "\n{:<31} {:<9}{:>15}{:>15}{:>15}{:>15}{:>15}{:>15}\n",
        "",
        "",
        "64 B p50 µs",
        "p99 µs",
        "CPU µs client",
        "CPU µs server",
        "64 KiB GB/s",
        "1 MiB GB/s"
    );
    for (mechanism, outcome) in mechanisms.iter().zip(outcomes) {
        // Writing to a string cannot fail.
        let _ = write!(table, "{:<31} {:<9}", mechanism.name(), mechanism.waits());
        match outcome {
            Err(reason) => _ = write!(table, " not measured: {reason}"),
            // The run was interrupted before.
            Ok(turns) if turns.is_empty() => table.push_str(" not measured"),
            Ok(turns) => {
                for figure in COLUMNS {
                    let _ = write!(table, "{:>15}", median(turns.iter().map(figure).collect()));
                }
            }
        }
        table.push('\n');
    }
    table.push_str(EXPLANATION);
    table
}

const EXPLANATION: &str = "
p50, p99, CPU: a round trip of 64 B between two processes, one at a time. GB/s: messages in one direction.
Medians over the rounds; ± the largest deviation from it. Every message is filled by its sender and checked by its
receiver. Sleeping: who waits leaves the CPU to others. Busy: who waits takes a whole CPU, and is quick only while
both processes have one. Not in the CPU time: the dbus-daemon's. D-Bus has one call at a time in its streams, too.";

const COLUMNS: [fn(&Figures) -> f64; 6] = [
    |figures| figures.p50_micros,
    |figures| figures.p99_micros,
    |figures| figures.client_cpu_micros,
    |figures| figures.server_cpu_micros,
    |figures| figures.medium_gbytes_per_s,
    |figures| figures.large_gbytes_per_s,
];

/// The median of at least one value, and how far any other is from it, in percent of it.
fn median(mut values: Vec<f64>) -> String {
    values.sort_by(f64::total_cmp);
    let median = (values[(values.len() - 1) / 2] + values[values.len() / 2]) / 2.0;
    let furthest = (median - values[0]).max(values[values.len() - 1] - median);
    format!("{median:.2} ±{:>3.0}%", 100.0 * furthest / median)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_and_the_furthest_from_it() {
        assert_eq!(median(vec![5.0]), "5.00 ±  0%");
        assert_eq!(median(vec![4.0, 1.0, 2.0]), "2.00 ±100%");
        assert_eq!(median(vec![5.0, 1.0, 4.0]), "4.00 ± 75%");
        assert_eq!(median(vec![1.0, 3.0]), "2.00 ± 50%");
    }
}
