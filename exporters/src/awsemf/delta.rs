//! What a cumulative value grew by.

use std::collections::HashMap;

/// So many values of a series are known: as many requests may wait to be sent again.
const MOST_VALUES: usize = 32;
/// So many series are known: a few megabytes.
const MOST_SERIES: usize = 10_000;

/// A value at a time, in nanoseconds: a sum, or count and sum of a summary.
type Value = (u64, [f64; 2]);

/// The last values of each cumulative series.
///
/// A difference is that to the value before in time, whatever was asked meanwhile: so a request that is sent again,
/// late and perhaps after others, is given the same differences.
#[derive(Debug, Default)]
pub(super) struct Deltas(HashMap<String, Series>);

#[derive(Debug, Default)]
struct Series {
    /// In the order of time.
    values: Vec<Value>,
    /// Whether older values were forgotten.
    is_cut: bool,
}

/// What is known of a value's growth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Growth {
    /// It grew by so much since the one before.
    By([f64; 2]),
    /// It is the first of its series.
    First,
    /// What came before it is forgotten.
    Unknown,
}

impl Deltas {
    /// What `values` of `series` grew by at `time`. Of a counter that began anew it is the whole value.
    pub fn growth(&mut self, series: String, time: u64, values: [f64; 2]) -> Growth {
        if self.0.len() >= MOST_SERIES && !self.0.contains_key(&series) {
            self.forget();
        }
        let Series { values: known, is_cut } = self.0.entry(series).or_default();
        let at = known.iter().position(|it| *it == (time, values)).unwrap_or_else(|| {
            let at = known.partition_point(|(earlier, _)| *earlier <= time);
            known.insert(at, (time, values));
            at
        });
        let growth = match at.checked_sub(1).and_then(|before| known.get(before)) {
            Some((_, before)) if values[0] < before[0] => Growth::By(values),
            Some((_, before)) => Growth::By([values[0] - before[0], values[1] - before[1]]),
            None if *is_cut => Growth::Unknown,
            None => Growth::First,
        };
        if known.len() > MOST_VALUES {
            known.remove(0);
            *is_cut = true;
        }
        growth
    }

    /// Forgets the half of the series that has been quiet for longest.
    fn forget(&mut self) {
        let last = |series: &Series| series.values.last().map_or(0, |(time, _)| *time);
        let mut times: Vec<u64> = self.0.values().map(last).collect();
        let middle = times.len() / 2;
        let (_, median, _) = times.select_nth_unstable(middle);
        let median = *median;
        self.0.retain(|_, series| last(series) > median);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn growth(deltas: &mut Deltas, time: u64, value: f64) -> Growth {
        deltas.growth("requests".into(), time, [value, 0.0])
    }

    #[test]
    fn a_value_grows_from_the_one_before_and_begins_anew_when_it_falls() {
        let mut deltas = Deltas::default();
        let found =
            [(1, 5.0), (2, 7.0), (3, 7.0), (4, 3.0)].map(|(time, value)| growth(&mut deltas, time, value));
        let by = |value| Growth::By([value, 0.0]);
        assert_eq!(found, [Growth::First, by(2.0), by(0.0), by(3.0)]);
        assert_eq!(deltas.growth("others".into(), 5, [9.0, 0.0]), Growth::First);
    }

    #[test]
    fn what_is_sent_again_after_others_grew_by_the_same() {
        let mut deltas = Deltas::default();
        let values = [(1, 5.0), (2, 7.0), (3, 12.0)];
        let first = values.map(|(time, value)| growth(&mut deltas, time, value));
        let again = values.map(|(time, value)| growth(&mut deltas, time, value));
        assert_eq!(first, again);
    }

    #[test]
    fn values_and_series_are_forgotten_before_they_are_too_many() {
        let mut deltas = Deltas::default();
        for time in 0..=MOST_VALUES as u64 {
            growth(&mut deltas, time, time as f64);
        }
        assert_eq!(growth(&mut deltas, 0, 0.0), Growth::Unknown);
        for number in 0..3 * MOST_SERIES {
            deltas.growth(number.to_string(), number as u64, [0.0; 2]);
            assert!(deltas.0.len() <= MOST_SERIES);
        }
    }
}
