//! Extensions that prove to a backend who sends: declared under `extensions`, listed in `service.extensions`,
//! named by an exporter's `auth.authenticator`.

mod basicauth;
mod bearertokenauth;
mod container;
pub(crate) mod credentials;
mod endpoint;
mod headers_setter;
mod idle;
pub(crate) mod role;
mod signature;
pub(crate) mod sigv4;

pub(crate) use endpoint::Endpoint;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use async_trait::async_trait;
use config::{Id, valid_words};
use http::{HeaderMap, HeaderValue, Request};
use pipeline::Factory;
use serde::Deserialize;

use crate::findings::Findings;
use crate::http::{Answer, Failure, Origin, Pieces, SharedTls};

/// Proves to a server who sends a request.
#[async_trait(?Send)]
pub(crate) trait Authenticator {
    /// Adds the proof to `request`, of which nothing changes after that. Called for each attempt, with the
    /// connection open and the body made; it may first fetch what it needs. Dropping the future cancels that.
    ///
    /// # Errors
    /// What is missing and where it was looked for, without any secret.
    async fn authenticate(&self, request: &mut Request<Pieces>) -> Result<(), Failure>;

    /// Whether `answer`, a refusal perhaps, taught it something (that the clock is wrong, that a key expired),
    /// so that the request is worth one more attempt now. `sent` are the headers that were sent.
    fn learns(&self, _sent: &HeaderMap, _answer: &Answer) -> bool {
        false
    }

    /// Whether requests to `server` will carry a proof that it can check; the words say what is missing.
    fn suits(&self, _server: &Origin) -> Result<(), String> {
        Ok(())
    }

    /// Whether it can be used for gRPC; the words say why not.
    fn takes_grpc(&self) -> Result<(), &'static str> {
        Ok(())
    }
}

/// What an entry of `extensions` becomes.
pub struct Extension(Role);

enum Role {
    Authenticator(Rc<dyn Authenticator>),
    /// Accepted and without an effect on exporters.
    Idle,
}

impl Extension {
    fn authenticator(authenticator: impl Authenticator + 'static) -> Box<Extension> {
        Box::new(Extension(Role::Authenticator(Rc::new(authenticator))))
    }

    /// One that waits for what its configuration refers to: whoever names it waits too.
    pub fn waiting() -> Box<Extension> {
        Extension::authenticator(Waiting)
    }

    fn idle() -> Box<Extension> {
        Box::new(Extension(Role::Idle))
    }
}

/// Stands for an authenticator that can't be built yet.
struct Waiting;

#[async_trait(?Send)]
impl Authenticator for Waiting {
    async fn authenticate(&self, _: &mut Request<Pieces>) -> Result<(), Failure> {
        Err(Failure("the authenticator waits for what its configuration refers to".into()))
    }
}

/// Every extension of this distribution.
pub fn all(shared: &Shared) -> Vec<Factory<Extension>> {
    let shared = shared.clone();
    let mut all = vec![
        Factory::new("basicauth", basicauth::build),
        Factory::new("bearertokenauth", bearertokenauth::build),
        Factory::new("headers_setter", headers_setter::build),
        Factory::new("sigv4auth", move |node, context| sigv4::build(node, context, &shared)),
    ];
    all.extend(idle::all());
    all
}

/// What exporters and extensions have in common: the TLS settings that are made once, and the extensions that
/// exporters name.
#[derive(Clone, Default)]
pub struct Shared {
    pub(crate) tls: Rc<SharedTls>,
    extensions: Rc<RefCell<BTreeMap<Id, Known>>>,
}

/// An extension that the configuration declares.
struct Known {
    /// Absent if it has mistakes of its own.
    extension: Option<Box<Extension>>,
    /// Whether `service.extensions` lists it.
    runs: bool,
}

impl Shared {
    /// Makes a declared extension known to exporters that are built after this: nothing if it has mistakes;
    /// `runs` tells whether `service.extensions` lists it.
    pub fn declare(&self, id: Id, extension: Option<Box<Extension>>, runs: bool) {
        self.extensions.borrow_mut().insert(id, Known { extension, runs });
    }

    /// The authenticator of that id.
    fn authenticator(&self, id: &str) -> Result<Rc<dyn Authenticator>, String> {
        let known = self.extensions.borrow();
        let found = id.parse::<Id>()?;
        let Some(found) = known.get(&found) else {
            let usable = known.iter().filter(|(_, known)| known.is_authenticator());
            let usable: Vec<_> = usable.map(|(id, _)| id.to_string()).collect();
            return Err(match &usable[..] {
                [] => format!(
                    "there is no extension {id}: declare it under extensions, and list it in service.extensions"
                ),
                _ => format!("there is no extension {id}{}", valid_words(id, &usable)),
            });
        };
        match &found.extension {
            None => Err(format!("the extension {id} can't be used, because of the mistakes in it")),
            Some(_) if !found.runs => {
                Err(format!("the extension {id} does not run: add it to the list service.extensions"))
            }
            Some(extension) => match &extension.0 {
                Role::Authenticator(authenticator) => Ok(authenticator.clone()),
                Role::Idle => Err(format!("the extension {id} does not authenticate exporters")),
            },
        }
    }
}

impl Known {
    fn is_authenticator(&self) -> bool {
        self.extension.as_ref().is_none_or(|extension| matches!(extension.0, Role::Authenticator(_)))
    }
}

/// `auth`: names the extension that authenticates an exporter's requests.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Auth {
    /// Its id; it must be listed in `service.extensions` too.
    authenticator: Option<String>,
}

impl Auth {
    /// The authenticator that is named, if one is.
    pub fn find(&self, shared: &Shared, findings: &mut Findings) -> Option<Rc<dyn Authenticator>> {
        let id = self.authenticator.as_ref()?;
        match shared.authenticator(id) {
            Ok(authenticator) => Some(authenticator),
            Err(why) => findings.mistake("auth.authenticator", why),
        }
    }
}

/// `text` as a header's value that is never printed.
fn secret_value(text: &str) -> Result<HeaderValue, &'static str> {
    let mut value =
        HeaderValue::from_str(text).map_err(|_| "holds a line break or another control character")?;
    value.set_sensitive(true);
    Ok(value)
}

/// What the file at `path` holds, without blanks around it. Read for each request: a file is how a secret is
/// replaced while the process runs, and one read costs less than to watch it.
fn read_secret(path: &str) -> Result<String, Failure> {
    let text =
        std::fs::read_to_string(path).map_err(|error| Failure::new(&format!("file {path}"), &error))?;
    Ok(text.trim().to_owned())
}
