//! The sections that hold components, and what the collector knows to put there.

use std::collections::BTreeMap;

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
pub struct Known(BTreeMap<Section, Vec<&'static str>>);

impl Known {
    /// With these names added to a section, in the order in which messages list them.
    #[must_use]
    pub fn with(mut self, section: Section, names: impl IntoIterator<Item = &'static str>) -> Self {
        self.0.entry(section).or_default().extend(names);
        self
    }

    pub(crate) fn names(&self, section: Section) -> &[&'static str] {
        self.0.get(&section).map(Vec::as_slice).unwrap_or_default()
    }
}
