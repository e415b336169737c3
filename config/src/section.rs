//! The sections that hold components, and what the collector knows to put there.

use std::collections::BTreeMap;

use crate::mistakes::valid_words;

/// A top-level section that holds components.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Section {
    /// `receivers`
    Receivers,
    /// `processors`
    Processors,
    /// `exporters`
    Exporters,
    /// `connectors`
    Connectors,
    /// `extensions`
    Extensions,
}

impl Section {
    /// All of them.
    pub const ALL: [Section; 5] = [
        Section::Receivers,
        Section::Processors,
        Section::Exporters,
        Section::Connectors,
        Section::Extensions,
    ];

    /// Its key: `receivers`.
    pub fn key(self) -> &'static str {
        match self {
            Section::Receivers => "receivers",
            Section::Processors => "processors",
            Section::Exporters => "exporters",
            Section::Connectors => "connectors",
            Section::Extensions => "extensions",
        }
    }

    /// What one of its components is called: `receiver`.
    pub fn one(self) -> &'static str {
        self.key().trim_end_matches('s')
    }

    pub(crate) fn named(key: &str) -> Option<Section> {
        Section::ALL.into_iter().find(|section| section.key() == key)
    }
}

/// The types of components that there are, aliases among them, for each section.
#[derive(Clone, Debug, Default)]
pub struct Known {
    names: BTreeMap<Section, Vec<&'static str>>,
    advice: Option<fn(Section, &str) -> Option<&'static str>>,
}

impl Known {
    /// With these names added to a section, in the order in which messages list them.
    #[must_use]
    pub fn with(mut self, section: Section, names: impl IntoIterator<Item = &'static str>) -> Self {
        self.names.entry(section).or_default().extend(names);
        self
    }

    /// With `advice` on types that others have and we have not: why that is so, or what to write instead.
    #[must_use]
    pub fn advised_by(mut self, advice: fn(Section, &str) -> Option<&'static str>) -> Self {
        self.advice = Some(advice);
        self
    }

    /// What to say of a type that there is none of in `section`: where it belongs, what stands in its place, or what
    /// else there is.
    pub(crate) fn instead(&self, section: Section, name: &str) -> String {
        // `batchprocessor` is what the Collector's packages are called, and their directories.
        let short = name.strip_suffix(section.one()).unwrap_or(name);
        if let Some(advice) =
            self.advice.and_then(|advice| advice(section, name).or_else(|| advice(section, short)))
        {
            return format!(": {advice}");
        }
        let others = self.names.iter().filter(|(_, names)| names.contains(&name));
        let others: Vec<_> = others.map(|(other, _)| other.key()).collect();
        match (self.names(section), &others[..]) {
            (_, [other, ..]) => format!("; it stands under {other}"),
            ([], []) => format!("; there are no {} here", section.key()),
            (names, []) => valid_words(if names.contains(&short) { short } else { name }, names),
        }
    }

    pub(crate) fn names(&self, section: Section) -> &[&'static str] {
        self.names.get(&section).map(Vec::as_slice).unwrap_or_default()
    }
}
