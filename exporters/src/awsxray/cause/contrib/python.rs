//! Python's.

use super::{after_colon, atoi, frame, push_cause, slice};
use crate::awsxray::cause::thrown::Thrown;

const FILE: &str = "  File ";

/// Reads from the end, where the exception at hand is; its last line names that one and is passed over.
pub fn parse<'a>(text: &'a str, all: &mut Vec<Thrown<'a>>) {
    // Where each line begins and ends, so that a message of several can be cut out.
    let mut lines = Vec::new();
    let mut start = 0;
    for line in text.split('\n') {
        lines.push((start, start + line.len()));
        start += line.len() + 1;
    }
    let line = |at: usize| &text[lines[at].0..lines[at].1];
    let mut at = lines.len() - 1;
    while at > 0 {
        at -= 1;
        let here = line(at);
        if here.starts_with(FILE) {
            push_frame(here, all);
        } else if here.starts_with("During handling of the above exception, another exception occurred:") {
            let Some(file) = (0..at).rev().find(|at| line(*at).starts_with(FILE)) else { return };
            // Between the line of code after the file and the empty one before this.
            let message = match at.checked_sub(2) {
                Some(last) if last >= file + 2 => &text[lines[file + 2].0..lines[last].1],
                _ => "",
            };
            let Some(colon) = message.find(':') else { return };
            push_cause(all, &message[..colon], after_colon(message, colon));
            at = file + 1;
        }
    }
}

fn push_frame<'a>(line: &'a str, all: &mut [Thrown<'a>]) {
    let parts: Vec<_> = line.split(',').take(4).collect();
    let [file, number, label] = parts[..] else { return };
    let path = slice(file, FILE.len() + 1, file.len() - 1);
    let number = number.strip_prefix(" line ").map_or(0, atoi);
    let label = label.strip_prefix(" in ").unwrap_or_default();
    if let Some(thrown) = all.last_mut() {
        thrown.stack.push(frame(path, number, label));
    }
}
