//! How many times better than tonic's own Unix socket each link is, a line for each case.

use super::axis::LogAxis;
use super::lines::tenth;
use crate::compare::comparison::{BASE, advantage, criterion};
use crate::compare::link::Link;
use crate::compare::report::Row;
use crate::compare::table::significant;
use maud::{Markup, html};

const WIDTH: f64 = 1140.0;
const LEFT: f64 = 420.0;
const RIGHT: f64 = 1090.0;
const STEP: f64 = 24.0;
const TOP: f64 = 28.0;

/// The plot; nothing without tonic's own Unix socket. `in-process` is left out: it has nothing to be compared for.
pub(super) fn plot(cases: &[&[Row]]) -> Markup {
    let cases: Vec<(&Row, Vec<(Link, f64)>)> = cases
        .iter()
        .filter_map(|rows| {
            let ratios: Vec<(Link, f64)> = rows
                .iter()
                .filter(|row| row.link != Link::InProcess)
                .filter_map(|row| Some((row.link, advantage(row, rows)?)))
                .collect();
            (!ratios.is_empty()).then_some((rows.first()?, ratios))
        })
        .collect();
    let ratios = cases
        .iter()
        .flat_map(|(_, ratios)| ratios.iter().map(|(_, ratio)| *ratio));
    let Some(x) = LogAxis::over(ratios.chain([0.6, 1.8]), LEFT, RIGHT) else {
        return html! {};
    };
    let bottom = TOP + STEP * cases.len() as f64;
    if cases.is_empty() {
        return html! {};
    }
    html! {
        figure.wide {
            figcaption { "How many times better than " (BASE) " " span.unit { "to the right of 1 is better" } }
            svg viewBox={ "0 0 " (WIDTH) " " (bottom + 12.0) } role="img" aria-label={ "Ratios to " (BASE) } {
                @for step in x.steps() {
                    line class=(if (step - 1.0).abs() < 1e-9 { "grid one" } else { "grid" }) x1=(tenth(x.place(step))) x2=(tenth(x.place(step))) y1=(TOP - 6.0) y2=(bottom) {}
                    text.tick x=(tenth(x.place(step))) y=(TOP - 12.0) text-anchor="middle" { (super::lines::short(step)) " ×" }
                }
                @for (index, (row, ratios)) in cases.iter().enumerate() {
                    @let y = TOP + STEP * (index as f64 + 0.5);
                    line.grid x1=(LEFT) x2=(RIGHT) y1=(y) y2=(y) {}
                    text.tick x=(LEFT - 10.0) y=(y + 4.0) text-anchor="end" { (row.case) ": " (criterion(row)) }
                    @for (link, ratio) in ratios {
                        g class={ "link " (link) } {
                            circle cx=(tenth(x.place(*ratio))) cy=(y) r=(if *link == Link::Shm { "7" } else { "4.5" }) {
                                title { (link) ", " (row.case) ": " (significant(*ratio)) " ×" }
                            }
                            @if *link == Link::Shm {
                                text.value x=(tenth(x.place(*ratio) + 11.0)) y=(y - 5.0) { (significant(*ratio)) }
                            }
                        }
                    }
                }
            }
        }
    }
}
