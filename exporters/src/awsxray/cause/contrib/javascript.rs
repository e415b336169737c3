//! JavaScript's.

use super::{atoi, frame};
use crate::awsxray::cause::thrown::Thrown;

/// A place ends at its first colon, whatever that belongs to.
pub fn parse<'a>(text: &'a str, thrown: &mut Thrown<'a>) {
    for line in text.lines().skip(1) {
        let Some(at) = line.strip_prefix("    at ") else { continue };
        let (label, place) = match at.split_once('(') {
            Some((label, place)) => place.strip_suffix(')').map_or(("", ""), |place| (label, place)),
            None => ("", at),
        };
        let (path, number) = match place.split_once(':') {
            Some((path, rest)) => rest.split_once(':').map_or((place, 0), |(line, _)| (path, atoi(line))),
            None if place.contains("native") => ("native", 0),
            None => (place, 0),
        };
        if !path.is_empty() || !label.is_empty() || number != 0 {
            thrown.stack.push(frame(path, number, label));
        }
    }
}
