//! Where something stands: file, line and column, and the path of keys that leads to it.

use std::fmt;
use std::rc::Rc;

use crate::{Id, Section};

/// A place in a file: printed as `file:line:column`, both counted from 1. What has no lines has line 0 and is printed
/// by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub source: Rc<str>,
    pub line: u32,
    pub column: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.source),
            line => write!(f, "{}:{line}:{}", self.source, self.column),
        }
    }
}

/// The keys and indices that lead from the root of a document to a node: `exporters.otlphttp.headers[0]`.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Path(Option<Rc<Step>>);

#[derive(PartialEq, Eq, Hash)]
struct Step {
    parent: Path,
    name: Name,
}

#[derive(PartialEq, Eq, Hash)]
enum Name {
    Key(Rc<str>),
    Index(usize),
}

impl Path {
    pub fn key(&self, key: impl Into<Rc<str>>) -> Path {
        Path(Some(Rc::new(Step { parent: self.clone(), name: Name::Key(key.into()) })))
    }

    pub fn index(&self, index: usize) -> Path {
        Path(Some(Rc::new(Step { parent: self.clone(), name: Name::Index(index) })))
    }

    pub fn is_root(&self) -> bool {
        self.0.is_none()
    }

    pub fn parent(&self) -> Option<&Path> {
        self.0.as_ref().map(|step| &step.parent)
    }

    /// Whether the last step is an element of a list.
    pub fn is_element(&self) -> bool {
        matches!(self.0.as_deref(), Some(Step { name: Name::Index(_), .. }))
    }

    /// The part of a document that this path leads into.
    pub fn part(&self) -> Part {
        let mut keys = Vec::new();
        let mut here = &self.0;
        while let Some(step) = here {
            if let Name::Key(key) = &step.name {
                keys.push(key.as_ref());
            }
            here = &step.parent.0;
        }
        keys.reverse();
        let id = |key: &str| key.parse().unwrap_or_else(|_| Id { kind: key.into(), name: String::new() });
        match keys[..] {
            ["service", "pipelines", pipeline, ..] => Part::Pipeline(id(pipeline)),
            ["service", "telemetry", ..] => Part::Telemetry,
            [section, component, ..] => match Section::named(section) {
                Some(section) => Part::Component(section, id(component)),
                None => Part::Whole,
            },
            _ => Part::Whole,
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(step) = &self.0 else { return Ok(()) };
        fmt::Display::fmt(&step.parent, f)?;
        match &step.name {
            Name::Key(key) if step.parent.is_root() => f.write_str(key),
            Name::Key(key) => write!(f, ".{key}"),
            Name::Index(index) => write!(f, "[{index}]"),
        }
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The part of a configuration that a mistake spoils: what must be left out so that the rest can run.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// Nothing in particular: all that can be read is sound, the mistake stands beside it.
    Whole,
    /// `service.telemetry`.
    Telemetry,
    /// A component; it may not exist, where a pipeline refers to it.
    Component(Section, Id),
    /// A pipeline.
    Pipeline(Id),
}
