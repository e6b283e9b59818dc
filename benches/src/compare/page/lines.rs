//! A figure by payload, a line for each link.

use super::axis::{LogAxis, spread_labels};
use crate::compare::link::Link;
use crate::compare::size::PayloadSize;
use crate::compare::table::significant;
use maud::{Markup, html};

const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 340.0;
/// Where the drawing is within; the rest is for labels.
const LEFT: f64 = 52.0;
const RIGHT: f64 = 466.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 302.0;
/// Between the labels of two lines.
const LABEL_DISTANCE: f64 = 14.0;

/// A link and its figures: payload in bytes, figure.
pub(super) type Line = (Link, Vec<(usize, f64)>);

/// The plot; nothing where there are no figures.
pub(super) fn plot(title: &str, unit: &str, lines: &[Line]) -> Markup {
    let points = || lines.iter().flat_map(|(_, points)| points);
    let mut payloads: Vec<usize> = points().map(|(payload, _)| *payload).collect();
    payloads.sort_unstable();
    payloads.dedup();
    let Some(y) = LogAxis::over(points().map(|(_, figure)| *figure), BOTTOM, TOP) else {
        return html! {};
    };
    let (Some(&least), Some(&most)) = (payloads.first(), payloads.last()) else {
        return html! {};
    };
    // A single payload stands at the left, with its label beside it.
    let most = most.max(least * 2);
    let x = LogAxis::between(least as f64, most as f64, LEFT + 10.0, RIGHT - 10.0);
    let ends: Vec<f64> = lines
        .iter()
        .map(|(_, points)| points.last().map_or(BOTTOM, |(_, figure)| y.place(*figure)))
        .collect();
    let labels = spread_labels(&ends, LABEL_DISTANCE, BOTTOM + 4.0);
    html! {
        figure {
            figcaption { (title) " " span.unit { (unit) } }
            svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(title) {
                @for step in y.steps() {
                    line.grid x1=(LEFT) x2=(RIGHT) y1=(tenth(y.place(step))) y2=(tenth(y.place(step))) {}
                    text.tick x=(LEFT - 6.0) y=(tenth(y.place(step) + 4.0)) text-anchor="end" { (short(step)) }
                }
                @for payload in &payloads {
                    line.grid x1=(tenth(x.place(*payload as f64))) x2=(tenth(x.place(*payload as f64))) y1=(TOP) y2=(BOTTOM) {}
                    text.tick x=(tenth(x.place(*payload as f64))) y=(BOTTOM + 16.0) text-anchor="middle" { (PayloadSize(*payload)) }
                }
                text.tick x=((LEFT + RIGHT) / 2.0) y=(BOTTOM + 34.0) text-anchor="middle" { "payload" }
                @for ((link, points), label) in lines.iter().zip(&labels) {
                    g class={ "link " (link) } {
                        polyline points=(polyline(points, &x, &y)) {}
                        @for (payload, figure) in points {
                            circle cx=(tenth(x.place(*payload as f64))) cy=(tenth(y.place(*figure))) r="3" {
                                title { (link) ", " (PayloadSize(*payload)) ": " (significant(*figure)) " " (unit) }
                            }
                        }
                        @if let Some((payload, figure)) = points.last() {
                            line.leader x1=(tenth(x.place(*payload as f64) + 5.0)) y1=(tenth(y.place(*figure))) x2=(RIGHT + 2.0) y2=(tenth(*label)) {}
                        }
                        text.label x=(RIGHT + 6.0) y=(tenth(label + 4.0)) { (link) }
                    }
                }
            }
        }
    }
}

fn polyline(points: &[(usize, f64)], x: &LogAxis, y: &LogAxis) -> String {
    let places = points.iter().map(|(payload, figure)| {
        format!(
            "{},{}",
            tenth(x.place(*payload as f64)),
            tenth(y.place(*figure))
        )
    });
    places.collect::<Vec<_>>().join(" ")
}

/// Coordinates need no more digits.
pub(super) fn tenth(coordinate: f64) -> f64 {
    (coordinate * 10.0).round() / 10.0
}

/// A round figure: 0.05, 2, 500, 20 k.
pub(super) fn short(figure: f64) -> String {
    if figure >= 9_999.0 {
        format!("{} k", (figure / 1_000.0).round())
    } else if figure >= 0.9999 {
        format!("{}", figure.round())
    } else {
        let decimals = (-figure.log10()).ceil() as usize;
        format!("{figure:.decimals$}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_figures_are_written_shortly() {
        for (figure, shown) in [
            (0.001, "0.001"),
            (0.05, "0.05"),
            (0.2, "0.2"),
            (1.0, "1"),
            (5_000.0, "5000"),
            (20_000.0, "20 k"),
        ] {
            assert_eq!(short(figure), shown);
        }
    }
}
