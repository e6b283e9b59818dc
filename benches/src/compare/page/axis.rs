//! Logarithmic axes: the figures of the links lie up to a thousand times apart.

/// A range of figures along so many units of the drawing.
#[derive(Debug, Clone, Copy)]
pub(super) struct LogAxis {
    least: f64,
    most: f64,
    /// Where the least and the most figure are drawn.
    from: f64,
    to: f64,
}

impl LogAxis {
    /// An axis that has room for all figures and ends at powers of `base`, or at the nearest of 1, 2, 5 times such a power
    /// where `base` is 10. `None` without positive figures.
    pub(super) fn over(figures: impl IntoIterator<Item = f64>, from: f64, to: f64) -> Option<Self> {
        let mut range: Option<(f64, f64)> = None;
        for figure in figures.into_iter().filter(|figure| *figure > 0.0) {
            let (least, most) = range.unwrap_or((figure, figure));
            range = Some((least.min(figure), most.max(figure)));
        }
        let (least, most) = range?;
        Some(Self {
            least: round_steps(least).last().unwrap_or(least),
            most: round_steps_above(most),
            from,
            to,
        })
    }

    /// An axis with exactly these ends.
    pub(super) fn between(least: f64, most: f64, from: f64, to: f64) -> Self {
        Self {
            least,
            most,
            from,
            to,
        }
    }

    /// Where a figure is drawn.
    pub(super) fn place(&self, figure: f64) -> f64 {
        let part = (figure / self.least).ln() / (self.most / self.least).ln();
        self.from + part.clamp(0.0, 1.0) * (self.to - self.from)
    }

    /// Round figures to draw lines at: 1, 2 and 5 times the powers of ten, the powers alone on a long axis.
    pub(super) fn steps(&self) -> Vec<f64> {
        let decades = (self.most / self.least).log10();
        let factors: &[f64] = if decades > 3.0 {
            &[1.0]
        } else {
            &[1.0, 2.0, 5.0]
        };
        let first = self.least.log10().floor() as i32;
        let last = self.most.log10().ceil() as i32;
        (first..=last)
            .flat_map(|power| {
                factors
                    .iter()
                    .map(move |factor| factor * 10_f64.powi(power))
            })
            .filter(|step| *step >= self.least * 0.999 && *step <= self.most * 1.001)
            .collect()
    }
}

/// 1, 2 and 5 times the power of ten below `figure`, as far as they are not above it.
fn round_steps(figure: f64) -> impl Iterator<Item = f64> {
    let power = 10_f64.powf(figure.log10().floor());
    [1.0, 2.0, 5.0]
        .into_iter()
        .map(move |factor| factor * power)
        .filter(move |step| *step <= figure * 1.000_001)
}

/// The round figure above.
fn round_steps_above(figure: f64) -> f64 {
    let power = 10_f64.powf(figure.log10().floor());
    [1.0, 2.0, 5.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| *step > figure)
        .unwrap_or(10.0 * power)
}

/// Puts labels at the given heights, or as near as they can be without covering each other. In the order given.
pub(super) fn spread_labels(heights: &[f64], distance: f64, lowest: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..heights.len()).collect();
    order.sort_by(|&a, &b| heights[a].total_cmp(&heights[b]));
    let mut placed = heights.to_vec();
    // Downwards as far as needed, then upwards again from the bottom of the drawing.
    for pair in 1..order.len() {
        let above = placed[order[pair - 1]];
        let label = &mut placed[order[pair]];
        *label = label.max(above + distance);
    }
    let mut limit = lowest;
    for &label in order.iter().rev() {
        placed[label] = placed[label].min(limit);
        limit = placed[label] - distance;
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_ends_at_round_figures_around_all() {
        let axis = LogAxis::over([12.0, 480.0], 0.0, 100.0).unwrap();
        assert_eq!((axis.least.round(), axis.most.round()), (10.0, 500.0));
        assert_eq!(axis.place(10.0), 0.0);
        assert!((axis.place(500.0) - 100.0).abs() < 1e-9);
        assert!(axis.place(12.0) < axis.place(480.0));
        let steps: Vec<f64> = axis.steps().iter().map(|step| step.round()).collect();
        assert_eq!(steps, [10.0, 20.0, 50.0, 100.0, 200.0, 500.0]);
    }

    #[test]
    fn a_single_figure_has_an_axis_and_none_has_not() {
        let axis = LogAxis::over([1.0], 0.0, 100.0).unwrap();
        assert!(axis.place(1.0).is_finite());
        assert!(LogAxis::over([], 0.0, 100.0).is_none());
        assert!(LogAxis::over([0.0], 0.0, 100.0).is_none());
    }

    #[test]
    fn an_axis_may_run_upwards() {
        let axis = LogAxis::between(1.0, 100.0, 200.0, 0.0);
        assert!((axis.place(10.0) - 100.0).abs() < 1e-9);
    }

    #[test]
    fn labels_keep_their_distance_and_their_order() {
        assert_eq!(spread_labels(&[10.0, 50.0], 12.0, 100.0), [10.0, 50.0]);
        assert_eq!(
            spread_labels(&[50.0, 49.0, 51.0], 10.0, 100.0),
            [59.0, 49.0, 69.0]
        );
        assert_eq!(spread_labels(&[99.0, 98.0], 10.0, 100.0), [100.0, 90.0]);
    }
}
