//! .NET's.

use super::{atoi, frame};
use crate::awsxray::cause::thrown::Thrown;

/// One stack of all frames: inner exceptions are not told apart.
pub fn parse<'a>(text: &'a str, thrown: &mut Thrown<'a>) {
    for line in text.lines().skip(1) {
        let line = line.trim();
        let Some(at) = line.strip_prefix("at ") else { continue };
        // Looked for in the whole line, the `at` included.
        if let Some(split) = line.find(" in ") {
            let label = line.get("at ".len()..split).unwrap_or_default();
            let place = line[split + " in ".len()..].split(" in ").next().unwrap_or_default();
            let (path, number) = match place.rsplit_once(':') {
                Some((path, line)) if line.starts_with("line") => {
                    (path, atoi(line.get(5..).unwrap_or_default()))
                }
                Some((path, line)) => (path, atoi(line)),
                None => (place, 0),
            };
            thrown.stack.push(frame(path, number, label));
        } else if let Some(end) = at.rfind(')') {
            thrown.stack.push(frame("", 0, &at[..=end]));
        }
    }
}
