//! Where the values of `${scheme:...}` come from.

use std::collections::BTreeMap;

use crate::Env;
use crate::mistakes::valid_words;

/// Schemes whose texts come over the network. Whoever reads the configuration fetches them between two readings.
const REMOTE: [&str; 6] = ["arn", "http", "https", "s3", "secretsmanager", "ssm"];
/// Those whose texts are values and no documents: nothing in them is a reference, and none of them is printed.
const SECRET: [&str; 3] = ["arn", "secretsmanager", "ssm"];

/// What became of URIs that lead over the network: the text, nothing of that name, or in words why it can't be had.
pub type Answers = BTreeMap<String, Result<Option<String>, String>>;

/// Gives the text behind `scheme:rest`.
pub trait Provider {
    /// The scheme it serves.
    fn scheme(&self) -> &'static str;

    /// The text that `rest` names; `None` if there is nothing of that name, which counts as null and is warned of.
    ///
    /// Called while a configuration is read, so it must not wait. What comes over the network is no provider's:
    /// see [`Providers::answering`].
    ///
    /// # Errors
    /// Why the text can't be had, in words for the log; never the text itself.
    fn fetch(&self, rest: &str) -> Result<Option<String>, String>;
}

/// All providers of one load.
pub struct Providers {
    env: Env,
    list: Vec<Box<dyn Provider>>,
    answers: Answers,
}

/// What a URI gave.
pub(crate) enum Found {
    Text(String),
    /// There is nothing of that name.
    Nothing,
    /// It leads over the network and is not answered yet.
    Wanted,
}

/// Whether a text from there is a value that is taken as it is and never printed.
pub(crate) fn is_secret(scheme: &str) -> bool {
    SECRET.contains(&scheme)
}

/// Whether a text from there comes over the network.
pub(crate) fn is_remote(scheme: &str) -> bool {
    REMOTE.contains(&scheme)
}

impl Providers {
    /// `env`, `file` and `yaml`.
    pub fn new(env: &Env) -> Self {
        Providers {
            env: env.clone(),
            list: vec![Box::new(EnvProvider(env.clone())), Box::new(FileProvider), Box::new(YamlProvider)],
            answers: Answers::new(),
        }
    }

    /// With these answers to URIs that lead over the network. A load lists in [`Loaded::wanted`](crate::Loaded)
    /// those that it needs and that are not answered; when they are, the configuration is read again.
    #[must_use]
    pub fn answering(mut self, answers: Answers) -> Self {
        self.answers = answers;
        self
    }

    /// One more.
    #[must_use]
    pub fn with(mut self, provider: Box<dyn Provider>) -> Self {
        self.list.push(provider);
        self
    }

    /// Whether something can't be had now.
    pub(crate) fn has_failures(&self) -> bool {
        self.answers.values().any(Result::is_err)
    }

    pub(crate) fn env(&self, name: &str) -> Option<&str> {
        self.env.get(name)
    }

    pub(crate) fn knows(&self, scheme: &str) -> bool {
        is_remote(scheme) || self.list.iter().any(|provider| provider.scheme() == scheme)
    }

    /// What is behind `uri` = `scheme:rest`, and the scheme.
    pub(crate) fn fetch(&self, uri: &str) -> Result<(&'static str, Found), String> {
        let (scheme, rest) = uri.split_once(':').unwrap_or((uri, ""));
        let found = |text: Option<String>| text.map_or(Found::Nothing, Found::Text);
        if let Some(provider) = self.list.iter().find(|provider| provider.scheme() == scheme) {
            return provider.fetch(rest).map(|text| (provider.scheme(), found(text)));
        }
        if let Some(remote) = REMOTE.into_iter().find(|remote| *remote == scheme) {
            let answer = self.answers.get(uri).cloned();
            return answer.map_or(Ok(Found::Wanted), |answer| answer.map(found)).map(|found| (remote, found));
        }
        let known: Vec<_> = self.list.iter().map(|provider| provider.scheme()).chain(REMOTE).collect();
        Err(format!("unknown scheme {scheme}:{}", valid_words(scheme, &known)))
    }
}

struct EnvProvider(Env);

impl Provider for EnvProvider {
    fn scheme(&self) -> &'static str {
        "env"
    }

    /// `NAME` or `NAME:-default`; the default serves a variable that is not set, not one that is empty.
    fn fetch(&self, rest: &str) -> Result<Option<String>, String> {
        let (name, default) = match rest.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (rest, None),
        };
        let is_name = !name.is_empty()
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !is_name {
            return Err(format!(
                "`{name}` is no name of an environment variable: letters, digits and _, no digit in front"
            ));
        }
        Ok(self.0.get(name).or(default).map(str::to_owned))
    }
}

struct FileProvider;

impl Provider for FileProvider {
    fn scheme(&self) -> &'static str {
        "file"
    }

    fn fetch(&self, path: &str) -> Result<Option<String>, String> {
        let bytes = std::fs::read(path).map_err(|error| explain_read(path, &error))?;
        text_of(path, bytes).map(Some)
    }
}

struct YamlProvider;

impl Provider for YamlProvider {
    fn scheme(&self) -> &'static str {
        "yaml"
    }

    fn fetch(&self, text: &str) -> Result<Option<String>, String> {
        Ok(Some(text.to_owned()))
    }
}

/// The text of a file, or where it stops being UTF-8.
pub(crate) fn text_of(path: &str, bytes: Vec<u8>) -> Result<String, String> {
    let bytes = match String::from_utf8(bytes) {
        Ok(text) => return Ok(text),
        Err(error) => error.into_bytes(),
    };
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(format!("`{path}` is UTF-16; save it as UTF-8"));
    }
    let good = bytes.utf8_chunks().next().map_or(0, |chunk| chunk.valid().len());
    let line = bytes[..good].iter().filter(|b| **b == b'\n').count() + 1;
    Err(format!("`{path}` is not UTF-8: line {line} holds the byte 0x{:02x}", bytes.get(good).unwrap_or(&0)))
}

/// Why a file can't be read, without the number that Rust appends: `(os error 2)`.
pub(crate) fn explain_read(path: &str, error: &std::io::Error) -> String {
    let text = error.to_string();
    format!(
        "can't read the file `{path}`: {}",
        text.split(" (os error").next().unwrap_or_default().to_lowercase()
    )
}
