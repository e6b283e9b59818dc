//! The figures as text.

use super::comparison::{BASE, advantage, criterion};
use super::report::{CallRow, Figures, IdleRow, LeftOut, Row};
use std::fmt::Write;

/// The rows of one case. Writing to a string cannot fail.
pub(super) fn render(rows: &[Row]) -> String {
    let mut table = String::new();
    let Some(first) = rows.first() else {
        return table;
    };
    let _ = writeln!(table, "{}", first.case);
    let compared = format!("{} / {BASE}", criterion(first));
    let _ = match first.figures {
        Figures::Calls(_) => writeln!(
            table,
            "  {:<11}{:>10}{:>20}{:>11}{:>11}{:>11}{:>8}{:>11}{:>11}  {compared}",
            "",
            "p50 µs",
            "of the rounds",
            "p99 µs",
            "p99.9 µs",
            "calls/s",
            "GB/s",
            "client CPU",
            "server CPU"
        ),
        Figures::Idle(_) => writeln!(
            table,
            "  {:<11}{:>12}{:>14}{:>18}{:>18}  {compared}",
            "", "CPU ms/s", "wake-ups/s", "RSS B/connection", "shm B/connection"
        ),
    };
    for row in rows {
        let _ = write!(table, "  {:<11}", row.link);
        match &row.figures {
            Figures::Calls(calls) => write_calls(&mut table, row, calls),
            Figures::Idle(idle) => write_idle(&mut table, idle),
        }
        if let Some(ratio) = advantage(row, rows) {
            let _ = write!(table, "  {ratio:.2} x");
        }
        if let Some(far) = far_rounds(row) {
            let _ = write!(table, "  far cores in {far}");
        }
        table.push('\n');
    }
    table
}

fn write_calls(table: &mut String, row: &Row, calls: &CallRow) {
    let [least, most] = row.spread("p50_us").unwrap_or_default();
    let range = format!("{} to {}", significant(least), significant(most));
    let server = calls
        .figures
        .server_cpu_us_per_call
        .map_or("-".to_owned(), significant);
    let _ = write!(
        table,
        "{:>10}{range:>20}{:>11}{:>11}{:>11}{:>8}{:>11}{server:>11}",
        significant(calls.figures.p50_us),
        significant(calls.figures.p99_us),
        significant(calls.figures.p999_us),
        significant(calls.figures.calls_per_s),
        significant(calls.figures.gbytes_per_s),
        significant(calls.figures.client_cpu_us_per_call),
    );
}

fn write_idle(table: &mut String, idle: &IdleRow) {
    let _ = write!(
        table,
        "{:>12}{:>14}{:>18}{:>18}",
        significant(idle.cpu_ms_per_s),
        significant(idle.wakeups_per_s),
        significant(idle.rss_bytes_per_connection),
        significant(idle.shm_bytes_per_connection),
    );
}

/// What the columns mean, and what is missing.
pub(super) fn notes(left_out: &[LeftOut]) -> String {
    let mut notes = String::from(EXPLANATION);
    for one in left_out {
        let link = one.link;
        let reason = &one.reason;
        let _ = match one.pattern {
            Some(pattern) => writeln!(notes, "{link} has no {pattern}: {reason}."),
            None => writeln!(notes, "{link} FAILED: {reason}."),
        };
    }
    notes
}

/// Also for the page.
pub(super) const EXPLANATION: &str = "\
Medians of the rounds. CPU: user and system time per call in µs, of all threads of the process. GB/s: 10^9 bytes of
payload in one direction. Every payload is written by its sender, and every byte compared by its receiver. A call of
client-stream or server-stream is a whole stream. mixed: the CPU time and the GB/s are those of calls and bulk stream
together, and of the bulk stream alone. paced: the time of a call counts from when it was due. in-process: no transport,
all in one process. glibc keeps freed memory in all processes unless told otherwise (--allocator as-is: calls with
large payloads then measure its giving back of memory). The ratio to tonic-uds says how many times better: above 1 is
better. far cores: before so many rounds a cache line took more than 200 ns from one CPU to the other and back, as
between cores without a cache in common, which slows down whatever two processes share; looked at on two CPUs only.
";

/// In how many rounds the CPUs were far apart, if in any.
pub(super) fn far_rounds(row: &Row) -> Option<String> {
    (row.far_rounds > 0).then(|| format!("{} of {}", row.far_rounds, row.rounds_with_distance))
}

/// Three digits, more only where they stand before the decimal point.
pub(super) fn significant(value: f64) -> String {
    let decimals = match value.abs() {
        size if size >= 99.95 => 0,
        size if size >= 9.995 => 1,
        size if size >= 0.9995 || size == 0.0 => 2,
        size if size >= 0.09995 => 3,
        _ => 4,
    };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_three_digits_or_all_before_the_point() {
        for (value, shown) in [
            (0.0, "0.00"),
            (0.0123, "0.0123"),
            (0.123, "0.123"),
            (1.0, "1.00"),
            (9.994, "9.99"),
            (9.996, "10.0"),
            (99.94, "99.9"),
            (99.96, "100"),
            (123_456.7, "123457"),
        ] {
            assert_eq!(significant(value), shown);
        }
    }
}
