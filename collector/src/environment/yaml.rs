//! YAML as it is written, line by line, with the variable that each line came from.

use std::collections::BTreeMap;
use std::rc::Rc;

/// A line and, if a variable made it what it is, the name of that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub text: String,
    pub from: Option<Rc<str>>,
}

impl Line {
    /// One that is always the same.
    pub fn new(text: impl Into<String>) -> Line {
        Line { text: text.into(), from: None }
    }

    /// One that the variable `name` decided.
    pub fn from(text: impl Into<String>, name: &str) -> Line {
        Line { text: text.into(), from: Some(name.into()) }
    }
}

/// A text that grows by lines.
#[derive(Default)]
pub struct Yaml {
    pub text: String,
    /// For the number of each line that a variable decided, that.
    pub lines: BTreeMap<u32, Rc<str>>,
    count: u32,
}

impl Yaml {
    /// What is written already.
    pub fn of(text: &str) -> Yaml {
        Yaml { text: text.to_owned(), ..Yaml::default() }
    }

    /// Appends `line` at a depth.
    pub fn line(&mut self, depth: usize, line: &Line) {
        self.count += 1;
        self.lines.extend(line.from.clone().map(|name| (self.count, name)));
        self.text.extend(std::iter::repeat_n("  ", depth));
        self.text.push_str(&line.text);
        self.text.push('\n');
    }

    /// Appends `text` at a depth.
    pub fn plain(&mut self, depth: usize, text: &str) {
        self.line(depth, &Line::new(text));
    }
}
