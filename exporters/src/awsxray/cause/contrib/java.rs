//! Java's, and what PHP's SDK writes.

use super::{after_colon, atoi, frame, push_cause};
use crate::awsxray::cause::thrown::Thrown;

/// What is not a frame or a cause is passed over; frames go to whatever exception was named last.
pub fn parse<'a>(text: &'a str, all: &mut Vec<Thrown<'a>>) {
    let mut lines = text.lines().skip(1).peekable();
    while let Some(line) = lines.next() {
        if let Some(at) = line.strip_prefix("\tat ") {
            let Some((label, place)) = split(at) else { continue };
            let label = label.split_once('/').map_or(label, |(_, label)| label);
            let (path, number) = place.split_once(':').map_or((place, 0), |(path, line)| (path, atoi(line)));
            if let Some(thrown) = all.last_mut() {
                thrown.stack.push(frame(path, number, label));
            }
        } else if let Some(header) = line.strip_prefix("Caused by: ") {
            let colon = header.find(':');
            let mut message = colon.map_or("".into(), |colon| after_colon(header, colon));
            while let Some(more) = lines.next_if(|line| line.strip_prefix("\tat ").and_then(split).is_none())
            {
                message.to_mut().push_str(more);
            }
            push_cause(all, &header[..colon.unwrap_or(header.len())], message);
        }
    }
}

/// The label and what stands in parentheses behind it.
fn split(at: &str) -> Option<(&str, &str)> {
    at.strip_suffix(')')?.split_once('(')
}
