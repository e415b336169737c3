//! YAML text to a tree. Only a text that is no YAML at all is lost; what is wrong at one place is a flaw of that place.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use serde_yaml::granit_parser::{
    ErrorKind, Event, Parser, ScalarStyle, ScanError, Span, StrInput, Tag, options,
};

use crate::mistakes::Mistake;
use crate::place::{Path, Place};
use crate::scalar::Scalar;
use crate::tree::{DEEPEST, Key, Kind, Tree};
use crate::yaml_error::explain;

/// What a text holds.
pub(crate) struct Parsed {
    /// The first document; null if there is none, `None` if the text can't be read.
    pub tree: Option<Rc<Tree>>,
    /// What is wrong in it.
    pub flaws: Vec<Mistake>,
    /// Where a second document begins, which is not read.
    pub second: Option<Place>,
}

/// More lines in quotes than that belong into a file of their own.
const MOST_LINES_MOVED: usize = 200;
/// What stands farther to the right is no indentation.
const DEEPEST_INDENT: usize = 1000;

/// Reads the first document of `text`. `source` names it in messages.
pub(crate) fn parse(text: &str, source: &str) -> Parsed {
    let source: Rc<str> = source.into();
    read(text, &source).unwrap_or_else(|error| {
        read_moved(text, &source, &error).unwrap_or_else(|| {
            let flaws = vec![explain(&error, text, source)];
            Parsed { tree: None, flaws, second: None }
        })
    })
}

/// Reads `text` with the further lines of texts in quotes moved to the right. The Collector's parser takes them at any
/// indentation, ours only deeper than their key; blanks before them mean nothing in either.
fn read_moved(text: &str, source: &Rc<str>, error: &ScanError) -> Option<Parsed> {
    let depth = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let blanks = " ".repeat(text.lines().map(depth).max()?.min(DEEPEST_INDENT) + 1);
    let (mut text, mut error) = (text.to_owned(), error.clone());
    for _ in 0..MOST_LINES_MOVED {
        if *error.kind() != ErrorKind::InvalidQuotedScalarIndent {
            return None;
        }
        let (at, _) = text.char_indices().nth(error.marker().index())?;
        let line = text[..at].rsplit(['\n', '\r']).next()?;
        if !line.trim().is_empty() {
            return None;
        }
        text.insert_str(at, &blanks);
        match read(&text, source) {
            Ok(parsed) => return Some(parsed),
            Err(next) => error = next,
        }
    }
    None
}

fn read(text: &str, source: &Rc<str>) -> Built<Parsed> {
    let options =
        options! { emit_unresolved_aliases: true, flow_nesting_limit: 100, block_nesting_limit: 100 };
    let mut builder = Builder {
        parser: Parser::new_from_str_with_options(text, options),
        source: source.clone(),
        anchors: HashMap::new(),
        path: Path::default(),
        flaws: Vec::new(),
    };
    let tree = builder.document()?;
    Ok(Parsed { tree: Some(tree), second: builder.second(), flaws: builder.flaws })
}

struct Builder<'t> {
    parser: Parser<'t, StrInput<'t>>,
    source: Rc<str>,
    anchors: HashMap<usize, Rc<Tree>>,
    path: Path,
    flaws: Vec<Mistake>,
}

type Built<T> = Result<T, ScanError>;

impl<'t> Builder<'t> {
    fn document(&mut self) -> Built<Rc<Tree>> {
        loop {
            match self.next()? {
                Some((Event::StreamStart | Event::DocumentStart(..), _)) => {}
                Some((Event::StreamEnd, span)) => return Ok(Rc::new(Tree::null(self.place(&span)))),
                Some((event, span)) => return self.node(event, &span),
                None => {
                    return Ok(Rc::new(Tree::null(Place {
                        source: self.source.clone(),
                        line: 1,
                        column: 1,
                    })));
                }
            }
        }
    }

    /// As with the Collector, only the first document counts, and what follows need not even be YAML.
    fn second(&mut self) -> Option<Place> {
        while let Ok(Some((event, span))) = self.next() {
            if matches!(event, Event::DocumentStart(..)) {
                return Some(self.place(&span));
            }
        }
        None
    }

    fn next(&mut self) -> Built<Option<(Event<'t>, Span)>> {
        self.parser.next_event().transpose()
    }

    fn place(&self, span: &Span) -> Place {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Place {
            source: self.source.clone(),
            line: count(span.start.line()),
            column: count(span.start.col()).saturating_add(1),
        }
    }

    fn flaw(&mut self, place: &Place, message: impl std::fmt::Display) {
        self.flaws.push(Mistake::new(place, &self.path, message));
    }

    fn node(&mut self, event: Event<'t>, span: &Span) -> Built<Rc<Tree>> {
        let place = self.place(span);
        let (anchor, tree) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                (anchor, self.scalar(&text, style, tag.as_deref(), place.clone()))
            }
            Event::SequenceStart(_, anchor, _) => (anchor, self.list(place.clone())?),
            Event::MappingStart(_, anchor, _) => (anchor, self.map(place.clone())?),
            Event::Alias(id) => match self.anchors.get(&id) {
                Some(tree) => return Ok(tree.clone()),
                None => {
                    self.flaw(&place, "an alias must not stand inside what it refers to");
                    (0, Tree::null(place.clone()))
                }
            },
            Event::UnresolvedAlias(name) => {
                self.flaw(
                    &place,
                    format_args!("there is no anchor &{name} above; quote a text that begins with *"),
                );
                (0, Tree::null(place.clone()))
            }
            _ => (0, Tree::null(place.clone())),
        };
        let tree = if tree.is_too_large() {
            self.flaw(&place, "this is nested too deeply or grows too large through its aliases");
            Rc::new(Tree::null(place))
        } else {
            Rc::new(tree)
        };
        if anchor != 0 {
            self.anchors.insert(anchor, tree.clone());
        }
        Ok(tree)
    }

    /// A tag of YAML itself decides what a scalar is; any other is ignored and leaves a text, as with the Collector.
    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, place: Place) -> Tree {
        let mut plain = style == ScalarStyle::Plain;
        // To the Collector's parser a lone `!` says nothing.
        if let Some(tag) = tag.filter(|tag| tag.original() != "!") {
            let meaning = Scalar::of(text);
            let fits = match tag.core_suffix() {
                Some("int") => matches!(meaning, Scalar::Int(_) | Scalar::Big(_)),
                Some("float") => match meaning {
                    Scalar::Int(int) => return Tree::new(place, fraction(int as f64)),
                    Scalar::Big(big) => return Tree::new(place, fraction(big as f64)),
                    other => matches!(other, Scalar::Float(_)),
                },
                Some("bool") => matches!(meaning, Scalar::Bool(_)),
                Some("null") => meaning == Scalar::Null,
                Some("binary") => false,
                _ => {
                    return Tree::text(place, text);
                }
            };
            if !fits {
                self.flaw(&place, format_args!("this can't be read as {}", tag.original()));
            }
            plain = true;
        }
        Tree::new(place, Kind::Scalar { text: text.into(), plain })
    }

    fn list(&mut self, place: Place) -> Built<Tree> {
        let above = self.path.clone();
        let mut items = Vec::new();
        while let Some((event, span)) = self.next()? {
            if event == Event::SequenceEnd {
                break;
            }
            self.path = above.index(items.len());
            items.push(self.node(event, &span)?);
        }
        self.path = above;
        Ok(Tree::new(place, Kind::List(items)))
    }

    fn map(&mut self, place: Place) -> Built<Tree> {
        let above = self.path.clone();
        let mut entries: Vec<(Key, Rc<Tree>)> = Vec::new();
        let mut lines: BTreeMap<Rc<str>, u32> = BTreeMap::new();
        let mut merged = Vec::new();
        while let Some((event, span)) = self.next()? {
            if event == Event::MappingEnd {
                break;
            }
            let merges = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<");
            let key = self.key(event, &span)?;
            if let Some(key) = &key {
                self.path = key.text.split("::").fold(above.clone(), |path, name| path.key(name));
            }
            let Some((event, span)) = self.next()? else { break };
            let value_is_absent =
                matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, None) if text.is_empty());
            let mut value = self.node(event, &span)?;
            let Some(key) = key else { continue };
            if value_is_absent {
                // The parser places what is not there at the next token, which may be lines away.
                value = Rc::new(Tree::null(key.place.clone()));
            }
            if let Some(line) = lines.insert(key.text.clone(), key.place.line) {
                self.flaw(
                    &key.place,
                    format_args!("this key stands already in line {line}; keep one of the two"),
                );
            } else if merges {
                self.merge(&value, &mut merged);
            } else {
                entries.push((key, value));
            }
            self.path = above.clone();
        }
        self.path = above;
        for (key, value) in merged {
            if !entries.iter().any(|(k, _)| k.text == key.text) {
                entries.push((key, value));
            }
        }
        Ok(Tree::new(place, Kind::Map(unfold(entries))))
    }

    /// A key as text; a list or map as key (an unquoted `{{ placeholder }}`) is a flaw and skipped with its value.
    fn key(&mut self, event: Event<'t>, span: &Span) -> Built<Option<Key>> {
        let place = self.place(span);
        let flaws = self.flaws.len();
        let tree = self.node(event, span)?;
        if let Kind::Scalar { text, .. } = &tree.kind {
            if text.matches("::").count() <= DEEPEST {
                return Ok(Some(Key { text: text.clone(), place }));
            }
            self.flaw(&place, "a key with too many ::");
            return Ok(None);
        }
        self.flaws.truncate(flaws);
        self.flaw(
            &place,
            "a map or list can't be a key; was a {{ placeholder }} left unfilled? If not, quote it",
        );
        Ok(None)
    }

    /// The entries that `<<: value` brings: of a map, or of a list of maps, where the earlier ones win.
    fn merge(&mut self, value: &Rc<Tree>, into: &mut Vec<(Key, Rc<Tree>)>) {
        match &value.kind {
            Kind::Map(entries) => into.extend(entries.iter().cloned()),
            Kind::List(items) if items.iter().all(|item| matches!(item.kind, Kind::Map(_))) => {
                for item in items {
                    self.merge(item, into);
                }
            }
            _ => {
                self.flaw(&value.place, "<< wants a map, or a list of maps, mostly as an alias such as *base")
            }
        }
    }
}

/// A whole number as one that is read as a number with a fraction.
fn fraction(number: f64) -> Kind {
    Kind::Scalar { text: format!("{number:?}").into(), plain: true }
}

/// The Collector's short form: a key `a::b` is a key `b` in a map `a`.
fn unfold(entries: Vec<(Key, Rc<Tree>)>) -> Vec<(Key, Rc<Tree>)> {
    if !entries.iter().any(|(key, _)| key.text.contains("::")) {
        return entries;
    }
    let mut unfolded: Vec<(Key, Rc<Tree>)> = Vec::new();
    for (key, value) in entries {
        let (first, rest) = key.text.split_once("::").unwrap_or((&key.text, ""));
        let names = rest.rsplit("::").take(if key.text.contains("::") { usize::MAX } else { 0 });
        let first = Key { text: first.into(), place: key.place.clone() };
        let value = names.fold(value, |value, name| {
            let key = Key { text: name.into(), place: key.place.clone() };
            Rc::new(Tree::new(key.place.clone(), Kind::Map(vec![(key, value)])))
        });
        match unfolded.iter_mut().find(|(k, _)| k.text == first.text) {
            Some((_, below)) => *below = below.merged(&value),
            None => unfolded.push((first, value)),
        }
    }
    unfolded
}
