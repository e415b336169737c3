//! Which configuration counts: command line, environment, files in the layer, built-in default.

use std::io::ErrorKind;
use std::path::PathBuf;

use crate::mistakes::{Mistake, Warnings};
use crate::provider::{Providers, explain_read, text_of};
use crate::reference::scheme_in;

/// Where to look for the configuration. The first that is given or exists counts.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// URIs of the command line, each laid upon the ones before: `file:PATH`, `PATH`, `env:NAME` or `yaml:TEXT`.
    pub uris: Vec<String>,
    /// Files that are read if neither `uris` nor the environment name any.
    pub files: Vec<PathBuf>,
    /// What is read if none of these exists.
    pub built_in: String,
}

/// The text of a configuration and its name in messages.
#[derive(Debug)]
pub(crate) struct Source {
    pub name: String,
    pub text: String,
}

const URI: &str = "OPENTELEMETRY_COLLECTOR_CONFIG_URI";
const OLD_URI: &str = "OPENTELEMETRY_COLLECTOR_CONFIG_FILE";

impl Lookup {
    /// Looks where a layer has its files: `/opt/config.yaml`, `/opt/collector-config/config.yaml`.
    pub fn new(uris: Vec<String>, built_in: &str) -> Self {
        let files = ["/opt/config.yaml", "/opt/collector-config/config.yaml"];
        Lookup { uris, files: files.map(PathBuf::from).to_vec(), built_in: built_in.to_owned() }
    }

    pub(crate) fn sources(&self, providers: &Providers, warnings: &Warnings) -> Result<Vec<Source>, Mistake> {
        if !self.uris.is_empty() {
            return self.uris.iter().map(|uri| source(uri, "--config", providers)).collect();
        }
        if let Some(uri) = providers.env(URI) {
            return source(uri, URI, providers).map(|source| vec![source]);
        }
        if let Some(uri) = providers.env(OLD_URI) {
            warnings.note_plain(format!("{OLD_URI} is the old name; use {URI}"));
            return source(uri, OLD_URI, providers).map(|source| vec![source]);
        }
        for file in &self.files {
            let name = file.display().to_string();
            match std::fs::read(file) {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                read => {
                    let text = read.map_err(|error| explain_read(&name, &error));
                    let text =
                        text.and_then(|bytes| text_of(&name, bytes)).map_err(|why| unlocated(&name, why))?;
                    return Ok(vec![Source { name, text }]);
                }
            }
        }
        Ok(vec![Source { name: "built-in".to_owned(), text: self.built_in.clone() }])
    }
}

/// As the Collector has it: without a colon, or with a drive letter, it is a path.
fn source(uri: &str, given_by: &str, providers: &Providers) -> Result<Source, Mistake> {
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
    let (_, text) = providers.fetch(&full).map_err(|why| unlocated(given_by, why))?;
    let name = match scheme {
        "file" => full["file:".len()..].to_owned(),
        "yaml" => "yaml:".to_owned(),
        _ => full.clone(),
    };
    match text {
        Some(text) => Ok(Source { name, text }),
        None => Err(unlocated(given_by, format_args!("{name} is not set"))),
    }
}

fn unlocated(given_by: &str, why: impl std::fmt::Display) -> Mistake {
    Mistake { text: format!("{given_by}: {why}"), part: crate::Part::Whole }
}
