//! How much better than tonic's own Unix socket.

use super::link::Link;
use super::pattern::Pattern;
use super::report::{CallRow, Figures, Row};

/// What the others are compared with.
pub(crate) const BASE: Link = Link::TonicUds;

/// The figure by which the links are compared in a row's case.
pub(crate) fn criterion(row: &Row) -> &'static str {
    match (row.pattern, &row.figures) {
        (Pattern::Idle, _) => "memory",
        (Pattern::Mixed, _) => "p99",
        (Pattern::Paced, _) => "CPU",
        (Pattern::Unary | Pattern::Bidi, Figures::Calls(calls)) if calls.concurrency == 1 => "p50",
        _ => "calls/s",
    }
}

/// How many times better the row's link is than [`BASE`] by the case's [`criterion`]: above 1 it is better. `rows` are
/// those of the case. `None` where there is nothing to compare.
pub(crate) fn advantage(row: &Row, rows: &[Row]) -> Option<f64> {
    let base = rows.iter().find(|row| row.link == BASE)?;
    let cost = match (&row.figures, &base.figures) {
        (Figures::Calls(ours), Figures::Calls(theirs)) => {
            let cost: fn(&CallRow) -> f64 = match criterion(row) {
                "p99" => |calls| calls.figures.p99_us,
                "CPU" => |calls| calls.figures.cpu_us_per_call(),
                "p50" => |calls| calls.figures.p50_us,
                _ => |calls| 1.0 / calls.figures.calls_per_s,
            };
            (cost(ours), cost(theirs))
        }
        (Figures::Idle(ours), Figures::Idle(theirs)) => (
            ours.rss_bytes_per_connection + ours.shm_bytes_per_connection,
            theirs.rss_bytes_per_connection + theirs.shm_bytes_per_connection,
        ),
        _ => return None,
    };
    let ratio = cost.1 / cost.0;
    (row.link != BASE && ratio.is_finite()).then_some(ratio)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::pattern::Case;
    use crate::compare::report::tests::{turn, turns_of};
    use crate::compare::size::PayloadSize;

    fn rows(case: Case) -> Vec<Row> {
        let row = |link, unit| Row::of(&case, link, &turns_of(&[turn(unit)])).unwrap();
        // Four times lower latency, CPU and, in this made-up turn, throughput, too.
        vec![row(Link::TonicUds, 40.0), row(Link::Shm, 10.0)]
    }

    #[test]
    fn above_one_is_better_whatever_is_compared() {
        let unary = Case::new(Pattern::Unary, PayloadSize(64));
        let many = Case {
            concurrency: 64,
            ..unary
        };
        for (case, by, expected) in [
            (unary, "p50", 4.0),
            (many, "calls/s", 0.25),
            (
                Case::new(Pattern::ClientStream, PayloadSize(64)),
                "calls/s",
                0.25,
            ),
            (Case::new(Pattern::Mixed, PayloadSize(64)), "p99", 4.0),
            (Case::new(Pattern::Paced, PayloadSize(64)), "CPU", 4.0),
        ] {
            let rows = rows(case);
            assert_eq!(criterion(&rows[1]), by, "{case}");
            assert_eq!(advantage(&rows[1], &rows), Some(expected), "{case}");
        }
    }

    #[test]
    fn the_base_is_not_compared_with_itself_nor_without_it() {
        let rows = rows(Case::new(Pattern::Unary, PayloadSize(64)));
        assert_eq!(advantage(&rows[0], &rows), None);
        assert_eq!(advantage(&rows[1], &rows[1..]), None);
    }
}
