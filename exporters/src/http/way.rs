//! The way to servers over HTTP/1.1: whose certificates, through which proxy.

use std::rc::Rc;

use config::{Env, Secret};

use super::tls::Keys;
use super::{Client, Connector, Origin, Proxy, SharedTls, Tls, Version};
use crate::findings::Findings;

/// The way to servers: as the environment has it, unless a user says otherwise.
pub(crate) struct Way<'a> {
    env: &'a Env,
    tls: Tls,
    server_name: Option<String>,
    /// The user's own, and the key that it stands at.
    proxy: Option<(&'static str, &'a Secret)>,
}

impl<'a> Way<'a> {
    /// The environment's proxies, and the TLS that all share.
    pub fn of_env(env: &'a Env, tls: &Rc<SharedTls>) -> Self {
        Way { env, tls: Tls::Shared(tls.clone()), server_name: None, proxy: None }
    }

    /// With the user's `tls`.
    pub fn by(self, keys: &Keys, findings: &mut Findings) -> Self {
        let tls = keys.own_config(b"http/1.1", findings).map_or(self.tls, Tls::Own);
        let server_name = keys.server_name_override.clone().filter(|name| !name.is_empty());
        Way { tls, server_name, ..self }
    }

    /// Through the proxy at the key `key`, if it is not empty, instead of the environment's.
    pub fn through(self, key: &'static str, proxy: &'a Secret) -> Self {
        Way { proxy: Some((key, proxy)).filter(|(_, proxy)| !proxy.reveal().is_empty()), ..self }
    }

    /// A client of the server `origin`.
    ///
    /// # Errors
    /// What is wrong, and at which key.
    pub fn client(&self, origin: &Origin) -> Result<Client, (&'static str, String)> {
        let at_endpoint = |why| ("endpoint", why);
        let proxy = match self.proxy {
            None => Proxy::of_env(self.env, origin, origin.tls).map_err(at_endpoint)?,
            Some((key, proxy)) => Some(Proxy::parse(proxy.reveal()).map_err(|why| (key, why))?),
        };
        let (tls, server_name) = (self.tls.clone(), self.server_name.clone());
        let connector = Connector { tunnel: origin.tls, origin: origin.clone(), tls, server_name, proxy };
        Client::new(connector, Version::Http1, None).map_err(at_endpoint)
    }
}
