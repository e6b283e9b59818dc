//! From the samples of the turns to one figure with its spread.

use super::orders::CallSample;
use crate::Result;
use hdrhistogram::Histogram;
use serde::Serialize;

/// The median of a figure over the rounds, with the least and the most.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Spread {
    /// `None` of nothing.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        let median = if sorted.len().is_multiple_of(2) {
            (sorted.get(middle.wrapping_sub(1))? + sorted[middle]) / 2.0
        } else {
            sorted[middle]
        };
        Some(Self {
            median,
            least: *sorted.first()?,
            most: *sorted.last()?,
        })
    }
}

/// What a turn of a link showed, all its clients together; in a row, the medians of its turns.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct CallFigures {
    /// In a row, those of all turns.
    pub(crate) calls: u64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) p999_us: f64,
    pub(crate) calls_per_s: f64,
    /// Payload in one direction; of `mixed` that of the bulk stream.
    pub(crate) gbytes_per_s: f64,
    pub(crate) client_cpu_us_per_call: f64,
    /// `None` where the service runs in the client's process.
    pub(crate) server_cpu_us_per_call: Option<f64>,
}

impl CallFigures {
    /// Of one sample for each client.
    pub(crate) fn of(samples: &[CallSample]) -> Result<Self> {
        let mut latencies = Histogram::<u64>::new(3)?;
        let (mut calls_per_s, mut bytes_per_s, mut client_cpu_ns) = (0.0, 0.0, 0.0);
        // The server works for all clients from the first one's begin to the last one's end.
        let mut server_cpu_ns: Option<(u64, u64)> = None;
        for sample in samples {
            let before = latencies.len();
            sample.add_to(&mut latencies)?;
            let seconds = sample.elapsed_ns as f64 / 1e9;
            calls_per_s += (latencies.len() - before) as f64 / seconds;
            bytes_per_s += sample.payload_bytes as f64 / seconds;
            client_cpu_ns += sample.client_cpu_ns as f64;
            server_cpu_ns = match (server_cpu_ns, sample.server_cpu_ns) {
                (Some(all), Some(one)) => Some((all.0.min(one.0), all.1.max(one.1))),
                (all, one) => all.or(one),
            };
        }
        let calls = latencies.len();
        if calls == 0 {
            return Err("no call was made".into());
        }
        let micros = |quantile| latencies.value_at_quantile(quantile) as f64 / 1e3;
        let micros_per_call = |nanos: f64| nanos / 1e3 / calls as f64;
        Ok(Self {
            calls,
            p50_us: micros(0.50),
            p99_us: micros(0.99),
            p999_us: micros(0.999),
            calls_per_s,
            gbytes_per_s: bytes_per_s / 1e9,
            client_cpu_us_per_call: micros_per_call(client_cpu_ns),
            server_cpu_us_per_call: server_cpu_ns
                .map(|(begin, end)| micros_per_call((end - begin) as f64)),
        })
    }

    /// Of both processes.
    pub(crate) fn cpu_us_per_call(&self) -> f64 {
        self.client_cpu_us_per_call + self.server_cpu_us_per_call.unwrap_or(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(values: &[f64]) -> Option<(f64, f64, f64)> {
        Spread::of(values.iter().copied()).map(|s| (s.least, s.median, s.most))
    }

    #[test]
    fn the_median_is_the_middle_whatever_the_order() {
        assert_eq!(spread(&[]), None);
        assert_eq!(spread(&[5.0]), Some((5.0, 5.0, 5.0)));
        assert_eq!(spread(&[9.0, 1.0]), Some((1.0, 5.0, 9.0)));
        assert_eq!(spread(&[100.0, 1.0, 2.0]), Some((1.0, 2.0, 100.0)));
        assert_eq!(spread(&[4.0, 1.0, 3.0, 100.0]), Some((1.0, 3.5, 100.0)));
    }

    fn sample(nanos: &[u64], server_cpu_ns: Option<(u64, u64)>) -> CallSample {
        let mut latencies = Histogram::new(3).unwrap();
        for &nanos in nanos {
            latencies.record(nanos).unwrap();
        }
        let mut sample = CallSample::new(&latencies);
        sample.payload_bytes = 1_000 * nanos.len() as u64;
        sample.elapsed_ns = 1_000_000;
        sample.client_cpu_ns = 6_000;
        sample.server_cpu_ns = server_cpu_ns;
        sample
    }

    #[test]
    fn the_clients_of_a_turn_are_taken_together() {
        let samples = [
            sample(&[1_000, 1_000, 1_000], Some((100, 5_000))),
            sample(&[1_000, 1_000, 50_000], Some((2_000, 9_100))),
        ];
        let figures = CallFigures::of(&samples).unwrap();
        assert_eq!(figures.calls, 6);
        assert!((figures.p50_us - 1.0).abs() < 0.01, "{}", figures.p50_us);
        assert!((figures.p999_us - 50.0).abs() < 0.1, "{}", figures.p999_us);
        assert_eq!(figures.calls_per_s.round(), 6_000.0);
        assert_eq!((figures.gbytes_per_s * 1e9).round(), 6e6);
        assert_eq!(figures.client_cpu_us_per_call, 2.0);
        assert_eq!(figures.server_cpu_us_per_call, Some(1.5));
    }

    #[test]
    fn without_a_server_process_there_is_no_server_time() {
        let figures = CallFigures::of(&[sample(&[1_000], None)]).unwrap();
        assert_eq!(figures.server_cpu_us_per_call, None);
    }

    #[test]
    fn a_turn_without_calls_is_an_error() {
        assert!(CallFigures::of(&[sample(&[], None)]).is_err());
    }
}
