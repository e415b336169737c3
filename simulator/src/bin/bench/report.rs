//! The figures and their table.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

/// Something measured several times.
#[derive(Serialize)]
pub struct Figure {
    name: String,
    unit: &'static str,
    /// What it should be, if anything was set.
    aim: &'static str,
    #[serde(flatten)]
    spread: Spread,
}

/// How the measurements are distributed.
#[derive(Serialize)]
struct Spread {
    median: f64,
    p10: f64,
    p90: f64,
    p99: f64,
    max: f64,
    mean: f64,
    n: usize,
}

impl Figure {
    /// A figure of these values; there must be some.
    pub fn new(
        name: impl Into<String>,
        unit: &'static str,
        aim: &'static str,
        values: impl IntoIterator<Item = f64>,
    ) -> Figure {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let n = values.len();
        // The smallest value that at least this share of all values does not exceed.
        let at = |share: f64| {
            let rank = (n as f64 * share).ceil() as usize;
            values.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
        };
        let spread = Spread {
            median: at(0.5),
            p10: at(0.1),
            p90: at(0.9),
            p99: at(0.99),
            max: at(1.0),
            mean: values.iter().sum::<f64>() / n as f64,
            n,
        };
        Figure { name: name.into(), unit, aim, spread }
    }

    /// A figure in milliseconds.
    pub fn ms(
        name: impl Into<String>,
        aim: &'static str,
        values: impl IntoIterator<Item = Duration>,
    ) -> Figure {
        Figure::new(name, "ms", aim, values.into_iter().map(|value| value.as_secs_f64() * 1e3))
    }
}

/// The figures, one a line.
pub struct Table<'a>(pub &'a [Figure]);

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.0.iter().map(|figure| figure.name.len()).max().unwrap_or(0);
        let columns = ["median", "p10", "p90", "p99", "max", "mean"];
        write!(f, "{:width$}", "")?;
        columns.iter().try_for_each(|column| write!(f, " {column:>9}"))?;
        writeln!(f, " {:>5}  {:5} aim", "n", "unit")?;
        for Figure { name, unit, aim, spread } in self.0 {
            let Spread { median, p10, p90, p99, max, mean, n } = spread;
            write!(f, "{name:width$}")?;
            [median, p10, p90, p99, max, mean]
                .into_iter()
                .try_for_each(|value| write!(f, " {:>9}", digits(*value)))?;
            writeln!(f, " {n:>5}  {unit:5} {aim}")?;
        }
        Ok(())
    }
}

/// Three digits that count, at least.
fn digits(value: f64) -> String {
    match value.abs() {
        large if large >= 100.0 => format!("{value:.0}"),
        middle if middle >= 10.0 => format!("{value:.1}"),
        middle if middle >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}
