//! Web servers, S3 by its `https:` URLs among them.

use std::rc::Rc;

use http::header::{AUTHORIZATION, LOCATION};
use http::{HeaderMap, StatusCode};

use super::{Fetcher, Trouble};
use crate::auth::Endpoint;
use crate::auth::role::AssumeRole;
use crate::auth::sigv4::SigV4;
use crate::http::{Answer, Client, Failure, Url, Way, has_scheme};

/// The most of a text that is read; Lambda allows functions 4 KB of environment and 250 MB of code.
const MOST_OF_TEXT: usize = 1 << 20;
/// How often a server may point elsewhere.
const MOST_REDIRECTS: usize = 5;

impl Fetcher {
    /// What a web server gives. One that points elsewhere is followed, but not from TLS to plain text; S3 is asked again
    /// with a signature if it refuses.
    pub(super) async fn page(&self, url: &str) -> Result<Rc<str>, Trouble> {
        let mut url = Url::parse(url).map_err(Trouble::lasting)?;
        for _ in 0..=MOST_REDIRECTS {
            let answer = self.get(&url).await?;
            if answer.status == StatusCode::OK {
                return text(answer);
            }
            let location = answer.header(LOCATION.as_str());
            if !answer.status.is_redirection() || location.is_empty() {
                return Err(Trouble {
                    why: answer.status.to_string(),
                    passes: answer.status.is_server_error() || answer.status == StatusCode::TOO_MANY_REQUESTS,
                });
            }
            let next =
                if has_scheme(location) { location.into() } else { format!("{}{location}", url.origin) };
            let next =
                Url::parse(&next).map_err(|why| Trouble::lasting(format!("it points elsewhere: {why}")))?;
            if url.origin.tls && !next.origin.tls {
                return Err(Trouble::lasting(format!("it points to {next}, which is not encrypted")));
            }
            url = next;
        }
        Err(Trouble::lasting("it points elsewhere again and again"))
    }

    async fn get(&self, url: &Url) -> Result<Answer, Trouble> {
        let mut headers: HeaderMap = self.headers();
        if let Some(credentials) = &url.credentials {
            headers.insert(AUTHORIZATION, credentials.clone());
        }
        let answer = self.client(url, None)?.get(&url.path, headers).await.map_err(unanswered)?;
        let told = Endpoint::of_host(&url.origin.host);
        let signed = url.path.query().is_some_and(|query| query.contains("X-Amz-Signature="));
        match (answer.status, told.service.as_deref(), told.region) {
            (StatusCode::FORBIDDEN, Some("s3"), Some(region)) if !signed => {
                let client = self.client(url, Some(("s3", &region)))?;
                let answer = client.get(&url.path, self.headers()).await.map_err(unanswered)?;
                if answer.status == StatusCode::FORBIDDEN {
                    return Err(super::aws::refused(&answer, "s3:GetObject", &region));
                }
                Ok(answer)
            }
            _ => Ok(answer),
        }
    }

    /// The client of a server, which signs for a service in a region if one is given.
    pub(super) fn client(&self, url: &Url, signed: Option<(&str, &str)>) -> Result<Rc<Client>, Trouble> {
        let name = format!("{} {signed:?}", url.origin);
        if let Some(client) = self.clients.borrow().get(&name) {
            return Ok(client.clone());
        }
        let client = Way::of_env(&self.env, &self.shared.tls).client(&url.origin);
        let mut client = client.map_err(|(_, why)| Trouble::lasting(why))?.reading(MOST_OF_TEXT);
        if let Some((service, region)) = signed {
            let signer = SigV4::for_process(region, service, &AssumeRole::default(), &self.env, &self.shared);
            client = client.authenticated(Some(Rc::new(signer.map_err(Trouble::lasting)?)));
        }
        let client = Rc::new(client);
        self.clients.borrow_mut().insert(name, client.clone());
        Ok(client)
    }
}

/// What an answer holds, if that came whole and is text.
pub(super) fn text(answer: Answer) -> Result<Rc<str>, Trouble> {
    if let Some(why) = answer.broken {
        return Err(Trouble { why, passes: true });
    }
    match String::from_utf8(answer.body.into()) {
        Ok(text) => Ok(text.into()),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            Err(Trouble::lasting(format!("is not UTF-8 from byte {at} on")))
        }
    }
}

/// No answer came.
pub(super) fn unanswered(failure: Failure) -> Trouble {
    Trouble { why: failure.0, passes: true }
}

/// A URL without user, password and query, which may be secrets.
pub(super) fn shown(url: &str) -> String {
    Url::parse(url).map_or_else(|_| "the URL".into(), |url| url.to_string())
}
