//! CPU instructions of the operations on a batch, which the pipeline's own benchmark counts.

use simulator::cargo;

use crate::report::Figure;
use crate::stage::Failed;

/// The same as `cargo bench --package pipeline --bench otlp`.
pub fn measure() -> Result<Vec<Figure>, Failed> {
    let output = cargo("bench").args(["--quiet", "--package", "pipeline", "--bench", "otlp"]).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    // `admit                         123 instructions a span`
    let text = String::from_utf8_lossy(&output.stdout);
    let figure = |line: &str| {
        let (operation, count) = line.strip_suffix(" instructions a span")?.rsplit_once(' ')?;
        let name = format!("instructions per span: {}", operation.trim());
        Some(Figure::new(name, "", "", [count.parse().ok()?]))
    };
    match text.lines().filter_map(figure).collect::<Vec<_>>() {
        none if none.is_empty() => Err(format!("no operation was measured:\n{text}").into()),
        figures => Ok(figures),
    }
}
