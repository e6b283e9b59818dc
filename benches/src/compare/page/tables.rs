//! The figures themselves.

use crate::compare::comparison::{BASE, advantage, criterion};
use crate::compare::report::{CallRow, Figures, IdleRow, Row};
use crate::compare::table::{far_rounds, significant};
use maud::{Markup, html};

/// A table of all calls, and one of idle connections.
pub(super) fn tables(cases: &[&[Row]]) -> Markup {
    let of_kind = |idle: bool| {
        let cases = cases.iter().filter(move |rows| {
            rows.first()
                .is_some_and(|row| matches!(row.figures, Figures::Idle(_)) == idle)
        });
        cases.copied().collect::<Vec<_>>()
    };
    html! {
        (table(
            &["p50 µs", "rounds", "p99 µs", "p99.9 µs", "calls/s", "GB/s", "client CPU µs", "server CPU µs", "calls"],
            &of_kind(false),
        ))
        (table(
            &["CPU ms/s", "wake-ups/s", "RSS B/connection", "shared memory B/connection"],
            &of_kind(true),
        ))
    }
}

fn table(columns: &[&str], cases: &[&[Row]]) -> Markup {
    if cases.is_empty() {
        return html! {};
    }
    html! {
        div.scroll {
            table {
                thead { tr {
                    th { "link" }
                    @for column in columns { th { (column) } }
                    th { "to " (BASE) }
                    th { "far cores" }
                } }
                tbody {
                    @for rows in cases {
                        @if let Some(first) = rows.first() {
                            tr { th colspan=(columns.len() + 3) { (first.case) } }
                        }
                        @for row in *rows {
                            tr class=(row.link) {
                                td.name { (row.link) }
                                @for cell in cells(row) { td { (cell) } }
                                td {
                                    @if let Some(ratio) = advantage(row, rows) {
                                        (criterion(row)) " " (significant(ratio)) " ×"
                                    }
                                }
                                td { (far_rounds(row).unwrap_or_default()) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn cells(row: &Row) -> Vec<String> {
    match &row.figures {
        Figures::Calls(calls) => call_cells(row, calls),
        Figures::Idle(idle) => idle_cells(idle),
    }
}

fn call_cells(row: &Row, calls: &CallRow) -> Vec<String> {
    let [least, most] = row.spread("p50_us").unwrap_or_default();
    vec![
        significant(calls.figures.p50_us),
        format!("{} to {}", significant(least), significant(most)),
        significant(calls.figures.p99_us),
        significant(calls.figures.p999_us),
        significant(calls.figures.calls_per_s),
        significant(calls.figures.gbytes_per_s),
        significant(calls.figures.client_cpu_us_per_call),
        calls
            .figures
            .server_cpu_us_per_call
            .map_or("-".to_owned(), significant),
        calls.figures.calls.to_string(),
    ]
}

fn idle_cells(idle: &IdleRow) -> Vec<String> {
    vec![
        significant(idle.cpu_ms_per_s),
        significant(idle.wakeups_per_s),
        significant(idle.rss_bytes_per_connection),
        significant(idle.shm_bytes_per_connection),
    ]
}
