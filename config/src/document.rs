//! The whole configuration: what is declared, what runs, and what is left when something is wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::expand::{Answered, Asked};
use crate::mistakes::{Mistake, Mistakes, valid_words};
use crate::node::Node;
use crate::place::Place;
use crate::section::{Known, Section};
use crate::service::{Pipeline, Service};
use crate::telemetry::Telemetry;
use crate::tree::Kind;
use crate::{Id, Part};

/// A configuration as a whole.
#[derive(Clone, Debug)]
pub struct Document {
    /// The extensions that run, in the order of `service.extensions`.
    pub extensions: Vec<Id>,
    /// The pipelines, in the order of the file.
    pub pipelines: Vec<Pipeline>,
    /// `service.telemetry`
    pub telemetry: Telemetry,
    components: BTreeMap<(Section, Id), Component>,
    root: Node,
    /// References that lead over the network.
    asked: Rc<[Asked]>,
}

#[derive(Clone, Debug)]
struct Component {
    node: Node,
    /// Where its id stands.
    place: Place,
}

impl Document {
    /// The URIs that are not answered and that something needs which runs.
    pub(crate) fn wanted(&self) -> Vec<String> {
        let wanted: BTreeSet<_> = self.not_yet().map(|asked| asked.uri.clone()).collect();
        wanted.into_iter().collect()
    }

    /// The references that are not answered yet, of what is used.
    fn not_yet(&self) -> impl Iterator<Item = &Asked> {
        self.asked.iter().filter(|asked| asked.answered == Answered::NotYet).filter(|asked| {
            match &asked.part {
                Part::Component(section, id) => self.uses(*section, id),
                _ => true,
            }
        })
    }

    /// Whether `service` names that component.
    fn uses(&self, section: Section, id: &Id) -> bool {
        let named = |pipeline: &Pipeline| match section {
            Section::Receivers => pipeline.receivers.contains(id),
            Section::Processors => pipeline.processors.contains(id),
            Section::Exporters => pipeline.exporters.contains(id),
            Section::Connectors => pipeline.receivers.contains(id) || pipeline.exporters.contains(id),
            Section::Extensions => false,
        };
        section == Section::Extensions && self.extensions.contains(id) || self.pipelines.iter().any(named)
    }

    /// Whether `mistake` is about a value that leads over the network and is not answered: it may be sound then.
    pub fn is_about_unanswered(&self, mistake: &Mistake) -> bool {
        let mut unanswered = self.asked.iter().filter(|asked| asked.answered != Answered::Yes);
        unanswered.any(|asked| mistake.text.starts_with(&asked.located))
    }

    /// Whether a value of that component is not answered, so that it can't run.
    pub fn is_unanswered(&self, section: Section, id: &Id) -> bool {
        let part = Part::Component(section, id.clone());
        self.asked.iter().any(|asked| asked.part == part && asked.answered != Answered::Yes)
    }

    /// The URIs over the network that the values of that component came from.
    pub fn fetched_for(&self, section: Section, id: &Id) -> impl Iterator<Item = &str> {
        let part = Part::Component(section, id.clone());
        let answered = self.asked.iter().filter(move |it| it.part == part && it.answered == Answered::Yes);
        answered.map(|asked| asked.uri.as_str())
    }

    /// For each reference that is not answered yet, in what is used: where it stands, and what it is if that may be told.
    pub fn unanswered(&self) -> impl Iterator<Item = String> {
        self.not_yet().map(|asked| match asked.hidden {
            false => format!("{}: ${{{}}}", asked.located, asked.uri),
            true => format!("{}: what results from the ${{...}} inside this one", asked.located),
        })
    }

    /// Puts the parts together; `asked` are the references that lead over the network.
    pub(crate) fn read(root: Node, asked: Rc<[Asked]>, mistakes: &mut Vec<Mistake>) -> Document {
        let mut found = Vec::new();
        let mut components = BTreeMap::new();
        let mut service = Service::default();
        if root.tree.is_null() {
            found.extend(root.mistake("", "the configuration is empty").0);
        } else {
            read_sections(&root, &mut components, &mut found);
            service = Service::read(&root, &mut found);
        }
        let Service { extensions, pipelines, telemetry } = service;
        let document = Document { extensions, pipelines, telemetry, components, root, asked };
        document.check_references(&mut found);
        // What can't be read because it is not there yet is no mistake; what can't be had at all is one.
        found.retain(|mistake| !document.is_about_unanswered(mistake));
        mistakes.append(&mut found);
        document
    }

    /// The components of a section that are declared, used or not, by id.
    pub fn components(&self, section: Section) -> impl Iterator<Item = (&Id, &Node)> {
        self.components
            .iter()
            .filter(move |((s, _), _)| *s == section)
            .map(|((_, id), component)| (id, &component.node))
    }

    /// The configuration of one component.
    pub fn component(&self, section: Section, id: &Id) -> Option<&Node> {
        self.components.get(&(section, id.clone())).map(|component| &component.node)
    }

    /// Whether every component is of a type that there is.
    ///
    /// # Errors
    /// All that are not, each with the types that are valid.
    pub fn check(&self, known: &Known) -> Result<(), Mistakes> {
        let mut mistakes = Vec::new();
        for ((section, id), component) in &self.components {
            let names = known.names(*section);
            if !names.contains(&id.kind.as_str()) {
                let instead = known.instead(*section, &id.kind);
                let message = format!("there is no {} {}{instead}", section.one(), id.kind);
                mistakes.push(Mistake::new(&component.place, &component.node.path, message));
            }
        }
        if mistakes.is_empty() { Ok(()) } else { Err(Mistakes(mistakes)) }
    }

    /// What is left without the parts that these mistakes spoil and without what can't run then; every reference in it
    /// resolves. Says in a warning which pipelines don't run and why.
    ///
    /// A pipeline goes on without a receiver or exporter as long as it has another. It does not go on without a
    /// processor, which may be there to remove what must not leave.
    #[must_use]
    pub fn without(mut self, mistakes: &[Mistake]) -> Document {
        let spoiled: BTreeSet<&Part> = mistakes.iter().map(|mistake| &mistake.part).collect();
        self.components.retain(|(section, id), _| !spoiled.contains(&Part::Component(*section, id.clone())));
        if spoiled.contains(&Part::Telemetry) {
            self.telemetry = Telemetry::default();
        }
        let known = Section::ALL.map(|section| (section, self.is_known(section)));
        let exists = |section: Section, id: &Id| {
            self.components.contains_key(&(section, id.clone())) || known.contains(&(section, false))
        };
        self.extensions.retain(|id| exists(Section::Extensions, id));
        let warnings = self.root.warnings().clone();
        self.pipelines.retain_mut(|pipeline| {
            pipeline.receivers.retain(|id| exists(Section::Receivers, id) || exists(Section::Connectors, id));
            pipeline.exporters.retain(|id| exists(Section::Exporters, id) || exists(Section::Connectors, id));
            let why = if spoiled.contains(&Part::Pipeline(pipeline.id.clone())) {
                "of the mistakes in it".to_owned()
            } else if let Some(id) = pipeline.processors.iter().find(|id| !exists(Section::Processors, id)) {
                format!("its processor {id} can't be used")
            } else if pipeline.receivers.is_empty() {
                "none of its receivers can be used".to_owned()
            } else if pipeline.exporters.is_empty() {
                "none of its exporters can be used".to_owned()
            } else {
                return true;
            };
            warnings.note(
                &pipeline.node.tree.place,
                &pipeline.node.path,
                format_args!("this pipeline does not run because {why}"),
            );
            false
        });
        self
    }

    /// The configuration in force, as YAML: merged, expanded, with secrets masked.
    pub fn to_yaml(&self) -> String {
        self.root.to_yaml()
    }

    /// What pipelines and `service.extensions` name must be declared.
    fn check_references(&self, mistakes: &mut Vec<Mistake>) {
        for section in [Section::Receivers, Section::Exporters] {
            if self.root.get(section.key()).is_none_or(|node| node.is_empty())
                && !self.has(Section::Connectors)
                && !mistakes.iter().any(|m| m.part == Part::Whole)
            {
                let message = format_args!("at least one {} is needed", section.one());
                mistakes.extend(self.root.mistake(section.key(), message).0);
            }
        }
        for pipeline in &self.pipelines {
            for (section, id, key) in pipeline.references() {
                let connects =
                    section != Section::Processors && self.component(Section::Connectors, id).is_some();
                if !connects && (section == Section::Processors || self.has(section)) {
                    self.check_reference(section, id, &pipeline.node, &key, mistakes);
                }
            }
        }
        if let Some(node) = self.root.get("service") {
            for (i, id) in self.extensions.iter().enumerate() {
                self.check_reference(Section::Extensions, id, &node, &format!("extensions[{i}]"), mistakes);
            }
        }
    }

    fn has(&self, section: Section) -> bool {
        self.components.keys().any(|(s, _)| *s == section)
    }

    /// Whether what a section holds is known.
    fn is_known(&self, section: Section) -> bool {
        self.root.get(section.key()).is_none_or(|node| !node.tree.unresolved)
    }

    fn check_reference(
        &self,
        section: Section,
        id: &Id,
        node: &Node,
        key: &str,
        mistakes: &mut Vec<Mistake>,
    ) {
        if self.component(section, id).is_some() || !self.is_known(section) {
            return;
        }
        let declared: Vec<_> = self.components(section).map(|(id, _)| id.to_string()).collect();
        let valid = match &declared[..] {
            [] => format!("; there are no {} at all", section.key()),
            _ => valid_words(&id.to_string(), &declared),
        };
        let message = format!("there is no {id} in {}{valid}", section.key());
        let part = Part::Component(section, id.clone());
        for mistake in node.mistake(key, message).0 {
            mistakes.push(Mistake { part: part.clone(), ..mistake });
        }
    }
}

fn read_sections(
    root: &Node,
    components: &mut BTreeMap<(Section, Id), Component>,
    mistakes: &mut Vec<Mistake>,
) {
    let Kind::Map(entries) = &root.tree.kind else { return };
    for (key, tree) in entries {
        let below = root.below(root.path.key(key.text.clone()), tree);
        if let Some(section) = Section::named(&key.text) {
            read_section(section, &below, components, mistakes);
        } else if &*key.text != "service" {
            let mut valid: Vec<_> = Section::ALL.iter().map(|section| section.key()).collect();
            valid.push("service");
            let message = format!("unknown key{}", valid_words(&key.text, &valid));
            mistakes.push(Mistake::new(&key.place, &below.path, message));
        }
    }
}

fn read_section(
    section: Section,
    node: &Node,
    components: &mut BTreeMap<(Section, Id), Component>,
    mistakes: &mut Vec<Mistake>,
) {
    let Kind::Map(entries) = &node.tree.kind else {
        if !node.tree.is_null() {
            let message = format_args!("expected a map of {} by id, such as otlp or otlp/2", section.key());
            mistakes.extend(node.mistake("", message).0);
        }
        return;
    };
    for (key, tree) in entries {
        let below = node.below(node.path.key(key.text.clone()), tree);
        let id = match key.text.parse::<Id>() {
            Ok(id) => id,
            Err(why) => {
                mistakes.push(Mistake::new(&key.place, &below.path, why));
                continue;
            }
        };
        if components.contains_key(&(section, id.clone())) {
            mistakes.push(Mistake::new(&key.place, &below.path, format_args!("there is another {id} above")));
        } else {
            components.insert((section, id), Component { node: below, place: key.place.clone() });
        }
    }
}
