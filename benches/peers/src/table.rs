//! The result as a table.

use crate::peers::Peer;
use crate::processes::Figures;
use crate::{Outcomes, SIZES};
use std::fmt::Write;

/// Per size one line a peer: medians over the rounds, with the largest deviation from them.
pub(crate) fn render(outcomes: &Outcomes) -> String {
    let mut table = String::new();
    for (index, bytes) in SIZES.into_iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = write!(
            table,
            "\n{:<28}{:<20}{:<15}",
            heading(bytes),
            "waits",
            "carries"
        );
        for (name, _) in COLUMNS {
            let _ = write!(table, "{name:>16}");
        }
        for (peer, outcome) in outcomes {
            let _ = write!(table, "\n{}", describe(*peer));
            match outcome {
                Err(reason) => _ = write!(table, " not measured: {reason}"),
                Ok(turns) => {
                    for (_, figure) in COLUMNS {
                        let values = turns.iter().map(|turn| figure(&turn[index])).collect();
                        let _ = write!(table, "{:>16}", median(values));
                    }
                }
            }
        }
        table.push('\n');
    }
    table.push_str(EXPLANATION);
    table
}

fn heading(bytes: usize) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..0x10_0000 => format!("{} KiB", bytes / 1024),
        _ => format!("{} MiB", bytes / 0x10_0000),
    }
}

fn describe(peer: Peer) -> String {
    format!(
        "{:<28}{:<20}{:<15}",
        peer.name(),
        peer.waits(),
        peer.format()
    )
}

const EXPLANATION: &str = "
One caller, one call at a time, between two processes; the request and its answer are of the size given, and each is
filled by its sender and checked by its receiver. CPU: time of a call. Medians over the rounds; ± the largest deviation
from it. Do not compare who sleeps with who is busy: a busy side takes a whole CPU, also while nobody calls.";

type Column = (&'static str, fn(&Figures) -> f64);

const COLUMNS: [Column; 5] = [
    ("p50 µs", |figures| micros(figures.p50_nanos)),
    ("p99 µs", |figures| micros(figures.p99_nanos)),
    ("calls/s", |figures| {
        figures.calls as f64 * 1e9 / figures.nanos as f64
    }),
    ("CPU µs client", |figures| {
        micros(figures.client_cpu_nanos) / figures.calls as f64
    }),
    ("CPU µs server", |figures| {
        micros(figures.server_cpu_nanos) / figures.calls as f64
    }),
];

fn micros(nanos: u64) -> f64 {
    nanos as f64 / 1e3
}

/// The median of at least one value, and how far any other is from it, in percent of it.
fn median(mut values: Vec<f64>) -> String {
    values.sort_by(f64::total_cmp);
    let median = (values[(values.len() - 1) / 2] + values[values.len() / 2]) / 2.0;
    let furthest = (median - values[0]).max(values[values.len() - 1] - median);
    format!("{median:.1} ±{:>3.0}%", 100.0 * furthest / median)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_and_the_furthest_from_it() {
        assert_eq!(median(vec![5.0]), "5.0 ±  0%");
        assert_eq!(median(vec![4.0, 1.0, 2.0]), "2.0 ±100%");
        assert_eq!(median(vec![5.0, 1.0, 4.0]), "4.0 ± 75%");
        assert_eq!(median(vec![1.0, 3.0]), "2.0 ± 50%");
    }

    #[test]
    fn sizes_are_named_in_their_unit() {
        assert_eq!(SIZES.map(heading), ["64 B", "64 KiB", "1 MiB"]);
    }
}
