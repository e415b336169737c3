//! Finding a configuration, laying its sources upon each other and filling in what `${...}` refers to.

use std::rc::Rc;

use crate::document::Document;
use crate::expand;
use crate::locate::{BuiltIn, Lookup, Source, Sources};
use crate::mistakes::{Mistake, Warnings};
use crate::node::Node;
use crate::place::Path;
use crate::provider::Providers;
use crate::tree::{Kind, Tree};
use crate::yaml;

/// What the load of a configuration gave.
#[derive(Debug)]
pub struct Loaded {
    /// What could be read, mistakes or not; `None` if nothing was found or it is no YAML.
    pub document: Option<Document>,
    /// Everything wrong in it, each tied to the part that it spoils.
    pub mistakes: Vec<Mistake>,
    /// Whether it lies where it can't be had now.
    pub is_missing: bool,
    /// What it refers to over the network and what can't be had now, each tied to the part that needs it.
    pub unfetched: Vec<Mistake>,
    /// What works but should be written otherwise; components add to it while they are built.
    pub warnings: Warnings,
    /// Where it came from: file names and the like, in the order in which they were merged.
    pub sources: Vec<String>,
    /// URIs over the network whose answers it needs and has not: what [`Providers::answering`] wants before the
    /// configuration is read again. What no pipeline uses needs none.
    pub wanted: Vec<String>,
}

impl Document {
    /// Finds the configuration, reads it and puts its parts together.
    pub fn load(lookup: &Lookup, providers: &Providers) -> Loaded {
        let warnings = Warnings::default();
        let nothing = Loaded {
            document: None,
            mistakes: Vec::new(),
            is_missing: false,
            unfetched: Vec::new(),
            warnings: warnings.clone(),
            sources: Vec::new(),
            wanted: Vec::new(),
        };
        match lookup.sources(providers, &warnings) {
            Ok(Sources::Read(sources)) => {
                if let ineffective @ [_, ..] = &lookup.built_in.ineffective[..] {
                    let names: Vec<_> = sources.iter().map(|source| source.name.as_str()).collect();
                    warnings.note_plain(format!(
                        "{} without effect, since the configuration is read from {}",
                        ineffective.join(", "),
                        names.join(", ")
                    ));
                }
                Document::of(&sources, providers, warnings)
            }
            Ok(Sources::BuiltIn) => Document::built_in(&lookup.built_in, providers, warnings),
            Ok(Sources::Wanted(wanted)) => Loaded { wanted, ..nothing },
            Err(mistake) => {
                Loaded { mistakes: vec![mistake], is_missing: providers.has_failures(), ..nothing }
            }
        }
    }

    /// Reads a configuration from its text; `source` names it in messages.
    pub fn parse(text: &str, source: &str, providers: &Providers) -> Loaded {
        Document::of(&[Source::new(source, text)], providers, Warnings::default())
    }

    fn built_in(built_in: &BuiltIn, providers: &Providers, warnings: Warnings) -> Loaded {
        built_in.notes.iter().for_each(|note| warnings.note_plain(note.clone()));
        let mut source = Source::new(&built_in.name, &built_in.text);
        source.lines = built_in.lines.clone();
        let mut loaded = Document::of(&[source], providers, warnings);
        loaded.mistakes.extend(built_in.mistakes.iter().cloned());
        loaded
    }

    /// Later sources are laid upon earlier ones: maps merge key by key, anything else replaces. One that can't be read
    /// spoils the whole, for nobody knows what it would have changed.
    fn of(sources: &[Source], providers: &Providers, warnings: Warnings) -> Loaded {
        let mut mistakes = Vec::new();
        let mut merged: Option<Rc<Tree>> = None;
        let mut readable = true;
        for source in sources {
            let parsed = yaml::parse(&source.text, &source.name);
            mistakes.extend(parsed.flaws);
            if let Some(place) = parsed.second {
                let message = "only the first document of a file is read, this is the second";
                warnings.note(&place, &Path::default(), message);
            }
            let tree = parsed.tree.map(|tree| match source.lines.is_empty() {
                true => tree,
                false => tree.told_by(&source.lines),
            });
            match (tree, &merged) {
                (Some(tree), Some(_)) if tree.is_null() => {}
                (Some(tree), below) if tree.is_null() || matches!(tree.kind, Kind::Map(_)) => {
                    merged = Some(below.as_ref().map_or_else(|| tree.clone(), |below| below.merged(&tree)));
                }
                (other, _) => {
                    readable = false;
                    mistakes.extend(other.map(|tree| not_a_map(&tree)));
                }
            }
        }
        let mut unfetched = Vec::new();
        let document = merged.filter(|_| readable).map(|tree| {
            let expanded = expand::expand(&tree, providers, &warnings);
            let root = Node { tree: expanded.tree, path: Path::default(), warnings: warnings.clone() };
            unfetched = expanded.unfetched;
            mistakes.extend(expanded.mistakes);
            Document::read(root, expanded.asked.into(), &mut mistakes)
        });
        let sources = sources.iter().map(|source| source.name.clone()).collect();
        let wanted = document.as_ref().map(Document::wanted).unwrap_or_default();
        Loaded { document, mistakes, is_missing: false, unfetched, warnings, sources, wanted }
    }
}

fn not_a_map(tree: &Tree) -> Mistake {
    let found = match tree.kind {
        Kind::List(_) => "a list",
        _ => "a text",
    };
    let message =
        format!("a configuration is a map of receivers, exporters, service and so on; this is {found}");
    Mistake::new(&tree.place, &Path::default(), message)
}
