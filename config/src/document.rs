//! The whole configuration.

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
    /// All of them, in the order of the Collector's documentation.
    pub const ALL: [Section; 5] = [
        Section::Receivers,
        Section::Processors,
        Section::Exporters,
        Section::Connectors,
        Section::Extensions,
    ];

    /// Its key.
    pub fn key(self) -> &'static str {
        match self {
            Section::Receivers => "receivers",
            Section::Processors => "processors",
            Section::Exporters => "exporters",
            Section::Connectors => "connectors",
            Section::Extensions => "extensions",
        }
    }

    pub(crate) fn named(key: &str) -> Option<Section> {
        Section::ALL.into_iter().find(|section| section.key() == key)
    }
}
