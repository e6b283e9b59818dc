//! CPU time a call, client and server on top of each other, a bar for each link.

use super::lines::tenth;
use crate::compare::report::{CallRow, Figures, Row};
use crate::compare::table::significant;
use maud::{Markup, html};

const WIDTH: f64 = 560.0;
const LEFT: f64 = 84.0;
const RIGHT: f64 = 490.0;
const BAR: f64 = 16.0;
const STEP: f64 = 24.0;
const TOP: f64 = 6.0;

/// The bars of one case; nothing where no calls were made.
pub(super) fn plot(rows: &[Row]) -> Markup {
    let calls: Vec<(&Row, &CallRow)> = rows
        .iter()
        .filter_map(|row| match &row.figures {
            Figures::Calls(calls) => Some((row, calls)),
            Figures::Idle(_) => None,
        })
        .collect();
    let Some((first, _)) = calls.first() else {
        return html! {};
    };
    let most = calls
        .iter()
        .map(|(_, calls)| calls.figures.cpu_us_per_call())
        .fold(f64::MIN_POSITIVE, f64::max);
    let width = |micros: f64| tenth(micros / most * (RIGHT - LEFT));
    let height = TOP + STEP * calls.len() as f64;
    html! {
        figure {
            figcaption { (first.case) " " span.unit { "CPU µs per call" } }
            svg viewBox={ "0 0 " (WIDTH) " " (height) } role="img" aria-label={ "CPU time per call, " (first.case) } {
                @for (index, (row, calls)) in calls.iter().enumerate() {
                    @let y = TOP + STEP * index as f64;
                    @let client = width(calls.figures.client_cpu_us_per_call);
                    @let server = width(calls.figures.server_cpu_us_per_call.unwrap_or(0.0));
                    g class={ "link " (row.link) } {
                        text.label x=(LEFT - 8.0) y=(y + 12.0) text-anchor="end" { (row.link) }
                        rect.client x=(LEFT) y=(y) width=(client) height=(BAR) {
                            title { "client: " (significant(calls.figures.client_cpu_us_per_call)) " µs" }
                        }
                        rect.server x=(tenth(LEFT + client)) y=(y) width=(server) height=(BAR) {
                            title { "server: " (significant(calls.figures.server_cpu_us_per_call.unwrap_or(0.0))) " µs" }
                        }
                        text.value x=(tenth(LEFT + client + server + 6.0)) y=(y + 12.0) { (significant(calls.figures.cpu_us_per_call())) }
                    }
                }
            }
        }
    }
}
