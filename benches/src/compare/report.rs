//! What came of it all, in the shape of the JSON file.

use super::cores::FAR_NS;
use super::host::Host;
use super::idle::IdleSample;
use super::link::Link;
use super::options::RuntimeOptions;
use super::pattern::{Case, Pattern};
use super::statistics::{CallFigures, Spread};
use serde::Serialize;
use std::collections::BTreeMap;

/// Of the shape of the JSON file. Fields may be added to it; a change of those that are there makes it another one.
const SCHEMA: u32 = 1;

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    schema: u32,
    pub(crate) host: Host,
    pub(crate) settings: Settings,
    pub(crate) rows: Vec<Row>,
    /// What has no row, and why.
    pub(crate) left_out: Vec<LeftOut>,
}

/// How it was measured.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Settings {
    #[serde(flatten)]
    pub(crate) runtime: RuntimeOptions,
    pub(crate) busy_cpus: usize,
    pub(crate) rounds: usize,
    pub(crate) turn_ms: u64,
    /// GLIBC_TUNABLES of all measured processes.
    pub(crate) glibc_tunables: Option<String>,
    /// Ended early.
    pub(crate) interrupted: bool,
}

/// A link that was not measured in a case, or not any more.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LeftOut {
    pub(crate) link: Link,
    /// `None`: in any.
    pub(crate) pattern: Option<Pattern>,
    pub(crate) reason: String,
    /// Whether something went wrong.
    pub(crate) failed: bool,
}

/// A link in a case.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    pub(crate) link: Link,
    protocol: &'static str,
    pub(crate) pattern: Pattern,
    /// Turns that the figures are the medians of.
    rounds: usize,
    /// Of the two CPUs that there are, before the turns; `None` if it could not be measured.
    core_distance_ns: Option<f64>,
    /// Turns before which they were far apart ([`FAR_NS`]).
    pub(crate) far_rounds: usize,
    /// Turns before which it could be measured: other work may have one of the CPUs.
    pub(crate) rounds_with_distance: usize,
    #[serde(flatten)]
    pub(crate) figures: Figures,
    /// The least and the most of each figure.
    spread: BTreeMap<&'static str, [f64; 2]>,
    #[serde(skip)]
    pub(crate) case: Case,
}

/// The figures of a row.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub(crate) enum Figures {
    Calls(CallRow),
    Idle(IdleRow),
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct CallRow {
    pub(crate) payload_bytes: usize,
    pub(crate) concurrency: usize,
    pub(crate) clients: usize,
    /// Of streams: the latency is that of the whole stream.
    pub(crate) messages_per_call: usize,
    /// Of `paced`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) asked_calls_per_s: Option<u32>,
    #[serde(flatten)]
    pub(crate) figures: CallFigures,
}

/// Both processes together.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct IdleRow {
    pub(crate) connections: usize,
    pub(crate) cpu_ms_per_s: f64,
    pub(crate) rss_bytes_per_connection: f64,
    pub(crate) shm_bytes_per_connection: f64,
    pub(crate) wakeups_per_s: f64,
}

/// The turns of a link in a case, as far as they have come.
#[derive(Debug, Clone)]
pub(crate) struct Turns {
    pub(crate) samples: Samples,
    /// Of the CPUs, in nanoseconds, before each turn where it could be measured.
    pub(crate) core_distances: Vec<f64>,
}

#[derive(Debug, Clone)]
pub(crate) enum Samples {
    Calls(Vec<CallFigures>),
    Idle(Vec<IdleSample>),
}

impl Turns {
    pub(crate) fn new(pattern: Pattern) -> Self {
        Self {
            samples: match pattern {
                Pattern::Idle => Samples::Idle(Vec::new()),
                _ => Samples::Calls(Vec::new()),
            },
            core_distances: Vec::new(),
        }
    }
}

/// Medians, and with them the spread of each under its name.
#[derive(Default)]
struct Medians(BTreeMap<&'static str, [f64; 2]>);

impl Medians {
    fn take(&mut self, name: &'static str, values: impl Iterator<Item = f64>) -> Option<f64> {
        let spread = Spread::of(values)?;
        self.0.insert(name, [spread.least, spread.most]);
        Some(spread.median)
    }
}

impl Row {
    /// `None` before the first turn.
    pub(crate) fn of(case: &Case, link: Link, turns: &Turns) -> Option<Self> {
        let mut medians = Medians::default();
        let (rounds, figures) = match &turns.samples {
            Samples::Calls(turns) => (
                turns.len(),
                Figures::Calls(calls(case, turns, &mut medians)?),
            ),
            Samples::Idle(turns) => (turns.len(), Figures::Idle(idle(case, turns, &mut medians)?)),
        };
        let distances = &turns.core_distances;
        let core_distance_ns = medians.take("core_distance_ns", distances.iter().copied());
        Some(Self {
            link,
            protocol: link.protocol(),
            pattern: case.pattern,
            rounds,
            core_distance_ns,
            rounds_with_distance: distances.len(),
            far_rounds: distances.iter().filter(|ns| **ns > FAR_NS).count(),
            figures,
            spread: medians.0,
            case: *case,
        })
    }

    /// The least and the most of a figure.
    pub(crate) fn spread(&self, name: &str) -> Option<[f64; 2]> {
        self.spread.get(name).copied()
    }
}

fn calls(case: &Case, turns: &[CallFigures], medians: &mut Medians) -> Option<CallRow> {
    let mut median =
        |name, pick: fn(&CallFigures) -> f64| medians.take(name, turns.iter().map(pick));
    Some(CallRow {
        payload_bytes: case.payload_bytes,
        concurrency: case.concurrency,
        clients: case.clients,
        messages_per_call: case.messages_per_call(),
        asked_calls_per_s: (case.pattern == Pattern::Paced).then_some(case.calls_per_s),
        figures: CallFigures {
            calls: turns.iter().map(|turn| turn.calls).sum(),
            p50_us: median("p50_us", |turn| turn.p50_us)?,
            p99_us: median("p99_us", |turn| turn.p99_us)?,
            p999_us: median("p999_us", |turn| turn.p999_us)?,
            calls_per_s: median("calls_per_s", |turn| turn.calls_per_s)?,
            gbytes_per_s: median("gbytes_per_s", |turn| turn.gbytes_per_s)?,
            client_cpu_us_per_call: median("client_cpu_us_per_call", |turn| {
                turn.client_cpu_us_per_call
            })?,
            server_cpu_us_per_call: medians.take(
                "server_cpu_us_per_call",
                turns.iter().filter_map(|turn| turn.server_cpu_us_per_call),
            ),
        },
    })
}

fn idle(case: &Case, turns: &[IdleSample], medians: &mut Medians) -> Option<IdleRow> {
    let mut median =
        |name, pick: fn(&IdleSample) -> f64| medians.take(name, turns.iter().map(pick));
    Some(IdleRow {
        connections: case.connections,
        cpu_ms_per_s: median("cpu_ms_per_s", |turn| turn.cpu_ms_per_s)?,
        rss_bytes_per_connection: median("rss_bytes_per_connection", |turn| {
            turn.rss_bytes_per_connection
        })?,
        shm_bytes_per_connection: median("shm_bytes_per_connection", |turn| {
            turn.shm_bytes_per_connection
        })?,
        wakeups_per_s: median("wakeups_per_s", |turn| turn.wakeups_per_s)?,
    })
}

impl Report {
    pub(crate) fn new(host: Host, settings: Settings) -> Self {
        Self {
            schema: SCHEMA,
            host,
            settings,
            rows: Vec::new(),
            left_out: Vec::new(),
        }
    }

    /// The rows of each case, in the order in which they were measured.
    pub(crate) fn by_case(&self) -> Vec<&[Row]> {
        self.rows.chunk_by(|a, b| a.case == b.case).collect()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::compare::size::PayloadSize;
    use serde_json::{Value, json};

    /// A turn in which each figure is another multiple of `unit`.
    pub(crate) fn turn(unit: f64) -> CallFigures {
        CallFigures {
            calls: 10,
            p50_us: unit,
            p99_us: 2.0 * unit,
            p999_us: 3.0 * unit,
            calls_per_s: 4.0 * unit,
            gbytes_per_s: 5.0 * unit,
            client_cpu_us_per_call: 6.0 * unit,
            server_cpu_us_per_call: Some(7.0 * unit),
        }
    }

    pub(crate) fn turns_of(figures: &[CallFigures]) -> Turns {
        Turns {
            samples: Samples::Calls(figures.to_vec()),
            core_distances: Vec::new(),
        }
    }

    #[test]
    fn a_row_of_calls_has_the_documented_shape() {
        let case = Case::new(Pattern::Unary, PayloadSize(64));
        let turns = Turns {
            core_distances: vec![60.0, 400.0, 70.0],
            ..turns_of(&[turn(3.0), turn(1.0), turn(2.0)])
        };
        let row = Row::of(&case, Link::TonicUds, &turns).expect("three turns");
        let value = serde_json::to_value(row).unwrap();
        assert_eq!(
            value,
            json!({
                "link": "tonic-uds", "protocol": "http2", "pattern": "unary",
                "payload_bytes": 64, "concurrency": 1, "clients": 1, "messages_per_call": 1,
                "calls": 30, "rounds": 3, "core_distance_ns": 70.0, "far_rounds": 1, "rounds_with_distance": 3,
                "p50_us": 2.0, "p99_us": 4.0, "p999_us": 6.0, "calls_per_s": 8.0, "gbytes_per_s": 10.0,
                "client_cpu_us_per_call": 12.0, "server_cpu_us_per_call": 14.0,
                "spread": {
                    "p50_us": [1.0, 3.0], "p99_us": [2.0, 6.0], "p999_us": [3.0, 9.0],
                    "calls_per_s": [4.0, 12.0], "gbytes_per_s": [5.0, 15.0],
                    "client_cpu_us_per_call": [6.0, 18.0], "server_cpu_us_per_call": [7.0, 21.0],
                    "core_distance_ns": [60.0, 400.0],
                },
            })
        );
    }

    #[test]
    fn a_row_of_idle_connections_has_the_documented_shape() {
        let case = Case {
            connections: 5,
            ..Case::new(Pattern::Idle, PayloadSize(64))
        };
        let turns = Turns {
            samples: Samples::Idle(vec![IdleSample {
                cpu_ms_per_s: 1.0,
                wakeups_per_s: 2.0,
                rss_bytes_per_connection: 3.0,
                shm_bytes_per_connection: 4.0,
            }]),
            core_distances: Vec::new(),
        };
        let row = Row::of(&case, Link::Shm, &turns).expect("a turn");
        let value = serde_json::to_value(row).unwrap();
        let figures = [
            "cpu_ms_per_s",
            "wakeups_per_s",
            "rss_bytes_per_connection",
            "shm_bytes_per_connection",
        ];
        assert_eq!(value["connections"], json!(5));
        for (name, figure) in figures.into_iter().zip([1.0, 2.0, 3.0, 4.0]) {
            assert_eq!(value[name], json!(figure), "{name}");
            assert_eq!(value["spread"][name], json!([figure, figure]), "{name}");
        }
        assert_eq!(value.get("p50_us"), None::<&Value>);
        assert_eq!(value["core_distance_ns"], Value::Null);
    }

    #[test]
    fn before_the_first_turn_there_is_no_row() {
        for pattern in [Pattern::Unary, Pattern::Idle] {
            let case = Case::new(pattern, PayloadSize(64));
            assert!(Row::of(&case, Link::Shm, &Turns::new(pattern)).is_none());
        }
    }

    #[test]
    fn without_a_server_process_its_time_is_null() {
        let case = Case::new(Pattern::Unary, PayloadSize(64));
        let turns = turns_of(&[CallFigures {
            server_cpu_us_per_call: None,
            ..turn(1.0)
        }]);
        let row = Row::of(&case, Link::InProcess, &turns).expect("a turn");
        let value = serde_json::to_value(row).unwrap();
        assert_eq!(value["server_cpu_us_per_call"], Value::Null);
        assert_eq!(value["protocol"], json!("none"));
    }
}
