//! Which configuration counts: command line, environment, files in the layer, built-in default.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::rc::Rc;

use crate::mistakes::{Mistake, Warnings};
use crate::print::without_user;
use crate::provider::{Found, Providers, explain_read, text_of};
use crate::reference::scheme_in;

/// Where to look for the configuration. The first that is given or exists counts.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// URIs of the command line, each laid upon the ones before: `file:PATH`, `PATH`, `env:NAME`, `yaml:TEXT`, or one
    /// that leads over the network.
    pub uris: Vec<String>,
    /// Files that are read if neither `uris` nor the environment name any.
    pub files: Vec<PathBuf>,
    /// What is read if none of these exists.
    pub built_in: BuiltIn,
}

/// The configuration that is read if none is found.
#[derive(Clone, Debug, Default)]
pub struct BuiltIn {
    /// Its name in messages.
    pub name: String,
    /// Its YAML.
    pub text: String,
    /// Lines (from 1) of which messages say that they come from there, and not where they stand.
    pub lines: BTreeMap<u32, Rc<str>>,
    /// What was found wrong when it was made; told if it is read.
    pub mistakes: Vec<Mistake>,
    /// What else is told if it is read.
    pub notes: Vec<String>,
    /// What has no effect if it is not read.
    pub ineffective: Vec<String>,
}

/// The text of a configuration and its name in messages.
#[derive(Debug)]
pub(crate) struct Source {
    pub name: String,
    pub text: String,
    /// As in [`BuiltIn`].
    pub lines: BTreeMap<u32, Rc<str>>,
}

impl Source {
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Source {
        Source { name: name.into(), text: text.into(), lines: BTreeMap::new() }
    }
}

const URI: &str = "OPENTELEMETRY_COLLECTOR_CONFIG_URI";
const OLD_URI: &str = "OPENTELEMETRY_COLLECTOR_CONFIG_FILE";

impl Lookup {
    /// Looks where a layer has its files: `/opt/config.yaml`, `/opt/collector-config/config.yaml`.
    pub fn new(uris: Vec<String>, built_in: BuiltIn) -> Self {
        let files = ["/opt/config.yaml", "/opt/collector-config/config.yaml"];
        Lookup { uris, files: files.map(PathBuf::from).to_vec(), built_in }
    }

    pub(crate) fn sources(&self, providers: &Providers, warnings: &Warnings) -> Result<Sources, Mistake> {
        if !self.uris.is_empty() {
            return Sources::of(self.uris.iter().map(|uri| (uri.as_str(), "--config")), providers);
        }
        if let Some(uri) = providers.env(URI) {
            return Sources::of([(uri, URI)], providers);
        }
        if let Some(uri) = providers.env(OLD_URI) {
            warnings.note_plain(format!("{OLD_URI} is the old name; use {URI}"));
            return Sources::of([(uri, OLD_URI)], providers);
        }
        for file in &self.files {
            let name = file.display().to_string();
            match std::fs::read(file) {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                read => {
                    let text = read.map_err(|error| explain_read(&name, &error));
                    let text =
                        text.and_then(|bytes| text_of(&name, bytes)).map_err(|why| unlocated(&name, why))?;
                    return Ok(Sources::Read(vec![Source::new(name, text)]));
                }
            }
        }
        Ok(Sources::BuiltIn)
    }
}

/// The texts of a configuration, or the URIs that must be answered first.
pub(crate) enum Sources {
    /// There are none.
    BuiltIn,
    Read(Vec<Source>),
    Wanted(Vec<String>),
}

impl Sources {
    /// Those of `uris`, each with who gave it.
    fn of<'a>(
        uris: impl IntoIterator<Item = (&'a str, &'a str)>,
        providers: &Providers,
    ) -> Result<Sources, Mistake> {
        let (mut read, mut wanted) = (Vec::new(), Vec::new());
        for (uri, given_by) in uris {
            match source(uri, given_by, providers)? {
                Some(source) => read.push(source),
                None => wanted.push(uri.to_owned()),
            }
        }
        Ok(if wanted.is_empty() { Sources::Read(read) } else { Sources::Wanted(wanted) })
    }
}

/// As the Collector has it: without a colon, or with a drive letter, it is a path. Nothing if it is not answered yet.
fn source(uri: &str, given_by: &str, providers: &Providers) -> Result<Option<Source>, Mistake> {
    if uri.is_empty() {
        return Err(unlocated(
            given_by,
            "is set but empty; set it to a file or a URI such as file:/var/task/otel.yaml, or unset it",
        ));
    }
    let drive =
        uri.as_bytes().first().is_some_and(u8::is_ascii_alphabetic) && uri.as_bytes().get(1) == Some(&b':');
    let full = if !uri.contains(':') || drive { format!("file:{uri}") } else { uri.to_owned() };
    let Some(scheme) = scheme_in(&full) else {
        return Err(unlocated(
            given_by,
            format_args!("`{uri}` is neither a file nor a URI such as file:/var/task/otel.yaml"),
        ));
    };
    let (_, found) = providers.fetch(&full).map_err(|why| unlocated(given_by, why))?;
    let name = match scheme {
        "file" => full["file:".len()..].to_owned(),
        "yaml" => "yaml:".to_owned(),
        _ => without_user(full.split(['?', '#']).next().unwrap_or_default()),
    };
    match found {
        Found::Text(text) => Ok(Some(Source::new(name, text))),
        Found::Nothing => Err(unlocated(given_by, format_args!("{name} is not set"))),
        Found::Wanted => Ok(None),
    }
}

fn unlocated(given_by: &str, why: impl std::fmt::Display) -> Mistake {
    Mistake { text: format!("{given_by}: {why}"), part: crate::Part::Whole }
}
