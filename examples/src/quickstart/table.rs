//! The result as a table.

use crate::measure::Figures;
use crate::routes::Route;
use std::fmt::Write;

/// One line a route, and what to compare.
pub(crate) fn render(routes: &[Route], figures: &[Figures]) -> String {
    let mut table = format!(
        "\n{:<22} {:<5} {:>9} {:>9} {:>9}  {}\n",
        "asked for", "got", "p50 µs", "p99 µs", "GB/s", "why not shared memory"
    );
    for (route, figures) in routes.iter().zip(figures) {
        let (got, reason) = match &route.link {
            None => ("-".to_owned(), "(no isotonic)".to_owned()),
            Some(link) => {
                let reason = link
                    .reason()
                    .map_or("-".to_owned(), |reason| reason.to_string());
                (link.kind().to_string(), reason)
            }
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            table,
            "{:<22} {got:<5} {:>9.1} {:>9.1} {:>9.2}  {reason}",
            route.asked,
            figures.small_call_micros(0.50),
            figures.small_call_micros(0.99),
            figures.stream_gbytes_per_s(),
        );
    }
    table.push_str(
        "\np50, p99: one unary call of 64 B at a time. GB/s: a client stream of 64 KiB blocks.\n",
    );
    table.push_str("Every payload is filled, and checked by both sides.");
    table
}
