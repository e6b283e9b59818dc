//! One page with plots of the figures, for any browser, without anything from elsewhere.
//!
//! Colour tells what carries the bytes, a broken line that it is tonic's own transport, a thick one shared memory.

mod axis;
mod bars;
mod lines;
mod ratios;
mod tables;

use super::link::Link;
use super::pattern::Pattern;
use super::report::{CallRow, Figures, Report, Row};
use super::table::EXPLANATION;
use lines::Line;
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// The page.
pub(super) fn render(report: &Report) -> String {
    let cases = report.by_case();
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "isotonic: the links compared" }
                style { (PreEscaped(include_str!("style.css"))) }
            }
            body {
                h1 { "The links compared" }
                (circumstances(report))
                (key(report))
                h2 { "Latency by payload" }
                div.plots {
                    (by_payload(report, Pattern::Unary, "Unary call, p50", "µs", |calls| calls.figures.p50_us))
                    (by_payload(report, Pattern::Unary, "Unary call, p99", "µs", |calls| calls.figures.p99_us))
                    (by_payload(report, Pattern::Bidi, "Message and answer on an open stream, p50", "µs", |calls| calls.figures.p50_us))
                }
                h2 { "Throughput by payload" }
                div.plots {
                    (by_payload(report, Pattern::ClientStream, "Client stream", "GB/s", |calls| calls.figures.gbytes_per_s))
                    (by_payload(report, Pattern::ServerStream, "Server stream", "GB/s", |calls| calls.figures.gbytes_per_s))
                }
                h2 { "CPU per call" }
                p.faint { "The strong part of a bar is the client's process, the pale part the server's." }
                div.plots { @for rows in &cases { @if shows_cpu(rows) { (bars::plot(rows)) } } }
                h2 { "Ratios to tonic's own Unix socket" }
                (ratios::plot(&cases))
                h2 { "All figures" }
                p.faint { (EXPLANATION) }
                (tables::tables(&cases))
                (left_out(report))
            }
        }
    };
    page.into_string()
}

/// Where and how it was measured.
fn circumstances(report: &Report) -> Markup {
    let (host, settings) = (&report.host, &report.settings);
    let gib = host.memory_bytes as f64 / f64::from(1 << 30);
    html! {
        p {
            (host.cpu) ", " (host.cpus) " CPUs, " (format!("{gib:.1}")) " GiB, " (host.kernel)
            "; isotonic " (host.isotonic) ", tonic " (host.tonic)
        }
        p.faint {
            "Client and server in two processes; runtimes with "
            @match settings.runtime.workers {
                Some(workers) => { (workers) " workers" }
                None => "one worker a CPU",
            }
            @if !settings.runtime.cpus.is_empty() { ", both pinned to CPUs " (format!("{:?}", settings.runtime.cpus)) }
            @if settings.busy_cpus > 0 { ", beside " (settings.busy_cpus) " threads of other work" }
            @if let Some(tunables) = &settings.glibc_tunables { ", GLIBC_TUNABLES=" (tunables) }
            ". The links take turns of " (settings.turn_ms) " ms; figures are medians of " (settings.rounds) " rounds."
        }
        @if !host.optimised {
            p.warning { "Built without optimisation: these figures mean nothing." }
        }
        @if settings.interrupted {
            p.warning { "The run was interrupted: some of it is missing." }
        }
    }
}

/// Which line is which link.
fn key(report: &Report) -> Markup {
    let mut links: Vec<Link> = report.rows.iter().map(|row| row.link).collect();
    links.sort();
    links.dedup();
    let meaning = |link| match link {
        Link::TonicTcp => "tonic's own TCP",
        Link::TonicUds => "tonic's own Unix socket",
        Link::Tcp => "isotonic over TCP",
        Link::Uds => "isotonic over a Unix socket",
        Link::Pipe => "isotonic over pipes",
        Link::Fifo => "isotonic over FIFOs",
        Link::Shm => "isotonic over shared memory",
        Link::InProcess => "no transport: the floor",
    };
    html! {
        ul.key {
            @for link in links {
                li class={ "link " (link) } {
                    svg viewBox="0 0 34 12" aria-hidden="true" {
                        line.stroke x1="0" x2="34" y1="6" y2="6" {}
                        circle cx="17" cy="6" r="4" {}
                    }
                    (link) " " span.faint { (meaning(link)) }
                }
            }
        }
    }
}

/// The rows of a pattern with as many calls at a time as its first row, as lines over the payload.
fn by_payload(
    report: &Report,
    pattern: Pattern,
    title: &str,
    unit: &str,
    figure: fn(&CallRow) -> f64,
) -> Markup {
    let rows = || report.rows.iter().filter(move |row| row.pattern == pattern);
    let Some(first) = rows().next() else {
        return html! {};
    };
    let mut lines: Vec<Line> = Vec::new();
    for row in rows().filter(|row| row.case.concurrency == first.case.concurrency) {
        let Figures::Calls(calls) = &row.figures else {
            continue;
        };
        let point = (calls.payload_bytes, figure(calls));
        match lines.iter_mut().find(|(link, _)| *link == row.link) {
            Some((_, points)) => points.push(point),
            None => lines.push((row.link, vec![point])),
        }
    }
    for (_, points) in &mut lines {
        points.sort_by_key(|(payload, _)| *payload);
    }
    lines::plot(title, unit, &lines)
}

/// Not of streams, whose calls are of another kind, nor of large payloads, where copying hides the rest.
fn shows_cpu(rows: &[Row]) -> bool {
    rows.first().is_some_and(|row| match row.pattern {
        Pattern::Unary => row.case.payload_bytes <= 64 * 1024,
        Pattern::Paced | Pattern::FanIn => true,
        _ => false,
    })
}

fn left_out(report: &Report) -> Markup {
    html! {
        @for one in &report.left_out {
            p class=(if one.failed { "warning" } else { "faint" }) {
                (one.link)
                @match (one.failed, one.pattern) {
                    (true, _) => " failed: ",
                    (_, Some(pattern)) => { " has no " (pattern) ": " }
                    _ => ": ",
                }
                (one.reason) "."
            }
        }
    }
}
