//! What is wrong with a text that is no YAML, at the place where a person would look for it.

use std::rc::Rc;

use serde_yaml::granit_parser::{ErrorKind, ScanError};

use crate::mistakes::Mistake;
use crate::place::{Path, Place};

/// A parser finds a missing quote or bracket where the next line makes no sense; here it is shown where it opens.
pub(crate) fn explain(error: &ScanError, text: &str, source: Rc<str>) -> Mistake {
    use ErrorKind as E;
    let (line, column) = (error.marker().line(), error.marker().col() + 1);
    let lines: Vec<&str> = text.lines().take(line).collect();
    let here = lines.get(line.saturating_sub(1)).copied().unwrap_or_default();
    let indent = &here[..here.len() - here.trim_start().len()];
    let quote = match error.kind() {
        E::UnclosedQuotedScalar
        | E::InvalidQuotedScalarIndent
        | E::DocumentIndicatorInQuotedScalar
        | E::InvalidTrailingSingleQuotedScalar
        | E::InvalidTrailingDoubleQuotedScalar => unclosed_quote(&lines),
        _ => None,
    };
    let ((line, column), message) = if let Some(tab) = indent.find('\t') {
        ((line, tab + 1), "a tab in the indentation; YAML wants blanks".to_owned())
    } else if let Some(place) = quote {
        (place, "the quote that opens here is not closed in this line".to_owned())
    } else if let Some(place) = reference_in_brackets(&lines, line) {
        (place, "between [ ] or { } a ${...} must stand in quotes".to_owned())
    } else if let Some((place, bracket)) = unclosed_bracket(&lines) {
        (place, format!("the {bracket} that opens here is not closed"))
    } else {
        ((line, column), format!("this is not YAML: {}", error.kind()))
    };
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let place = Place { source, line: count(line), column: count(column) };
    Mistake::new(&place, &Path::default(), message)
}

/// Line and column of the last quote that begins a value and is not closed in its line.
fn unclosed_quote(lines: &[&str]) -> Option<(usize, usize)> {
    lines.iter().enumerate().rev().find_map(|(i, line)| {
        let mut starts = line.char_indices().filter(|(at, c)| "\"'".contains(*c) && begins_value(line, *at));
        let unclosed = starts.find(|(at, c)| line[*at..].matches(*c).count() % 2 == 1);
        unclosed.map(|(at, _)| (i + 1, column(line, at)))
    })
}

/// The place of a `${` without quotes in the last line, if a bracket is open around it.
fn reference_in_brackets(lines: &[&str], line: usize) -> Option<(usize, usize)> {
    let last = lines.last()?;
    let at = last.match_indices("${").map(|(at, _)| at).find(|at| begins_value(last, *at))?;
    let before: Vec<&str> = lines.iter().copied().take(lines.len() - 1).chain([&last[..at]]).collect();
    unclosed_bracket(&before).map(|_| (line, column(last, at)))
}

/// Line and column of the innermost bracket that begins a value and is still open at the end.
fn unclosed_bracket(lines: &[&str]) -> Option<((usize, usize), char)> {
    let mut open = Vec::new();
    for (i, line) in lines.iter().enumerate() {
        let mut quote = None;
        for (at, c) in line.char_indices() {
            match (quote, c) {
                (Some(q), _) => quote = (q != c).then_some(q),
                (None, '"' | '\'') if begins_value(line, at) => quote = Some(c),
                (None, '[' | '{') if begins_value(line, at) => open.push((i, at, c)),
                (None, ']') => drop(open.pop_if(|(.., c)| *c == '[')),
                (None, '}') => drop(open.pop_if(|(.., c)| *c == '{')),
                (None, '#') if begins_value(line, at) => break,
                _ => {}
            }
        }
    }
    open.pop().map(|(i, at, c)| ((i + 1, column(lines[i], at)), c))
}

fn begins_value(line: &str, at: usize) -> bool {
    line[..at].chars().next_back().is_none_or(|before| " \t[{,".contains(before))
}

fn column(line: &str, at: usize) -> usize {
    line[..at].chars().count() + 1
}
