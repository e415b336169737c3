//! AWS credentials: where they come from, and when they are fetched anew.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use config::{Env, Secret};

use super::Shared;
use super::container::Container;
use super::role::AssumedRole;
use crate::http::Failure;

/// Keys are replaced so long before they end: a request may be on its way for long, and clocks differ.
const MARGIN: Duration = Duration::from_secs(300);

/// An access key. Printed without its secrets.
#[derive(Debug)]
pub(crate) struct Keys {
    /// Names the key; no secret.
    pub id: String,
    /// What signatures are made with.
    pub secret: Secret,
    /// Goes with a temporary key.
    pub token: Option<Secret>,
    /// When a temporary key ends, by AWS's clock.
    pub expires: Option<SystemTime>,
}

impl Keys {
    /// Keys that don't end.
    pub fn new(id: &str, secret: &str, token: Option<&str>) -> Keys {
        let token = token.map(|token| Secret::from(token.to_owned()));
        Keys { id: id.into(), secret: Secret::from(secret.to_owned()), token, expires: None }
    }

    fn good_until(&self, time: SystemTime) -> bool {
        self.expires.is_none_or(|expires| time < expires)
    }
}

/// Credentials from one source. Temporary ones are fetched at the first use and again before they end, by one
/// request at a time; nothing is fetched while nobody asks.
pub(crate) struct Credentials {
    source: Source,
    held: RefCell<Option<Rc<Keys>>>,
    fetching: tokio::sync::Mutex<()>,
}

enum Source {
    /// Given once and for all.
    Given(Rc<Keys>),
    Container(Box<Container>),
    Role(Box<AssumedRole>),
    /// There is none; the words say where it was looked for.
    None(String),
}

impl Credentials {
    /// The credentials that `env` holds or points to: keys, else a container's endpoint, which is what a
    /// function with SnapStart has. None at all show only when they are asked for.
    pub fn of_env(env: &Env, shared: &Shared) -> Credentials {
        let get = |name| env.get(name).map(str::trim).filter(|value| !value.is_empty());
        match (get("AWS_ACCESS_KEY_ID"), get("AWS_SECRET_ACCESS_KEY")) {
            (Some(id), Some(secret)) => {
                let keys = Keys::new(id, secret, get("AWS_SESSION_TOKEN"));
                return Credentials::from(Source::Given(Rc::new(keys)));
            }
            (Some(_), None) => {
                return Credentials::none("AWS_SECRET_ACCESS_KEY is not set beside AWS_ACCESS_KEY_ID");
            }
            (None, Some(_)) => {
                return Credentials::none("AWS_ACCESS_KEY_ID is not set beside AWS_SECRET_ACCESS_KEY");
            }
            (None, None) => {}
        }
        match Container::of_env(env, shared) {
            Some(Ok(container)) => Credentials::from(Source::Container(Box::new(container))),
            Some(Err(why)) => Credentials::none(&why),
            None => Credentials::none(
                "neither AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY nor AWS_CONTAINER_CREDENTIALS_FULL_URI are \
                 set (Lambda sets them from the function's role)",
            ),
        }
    }

    /// The credentials of a role that is assumed.
    pub fn of_role(role: AssumedRole) -> Credentials {
        Credentials::from(Source::Role(Box::new(role)))
    }

    fn none(why: &str) -> Credentials {
        Credentials::from(Source::None(why.into()))
    }

    fn from(source: Source) -> Credentials {
        Credentials { source, held: RefCell::default(), fetching: tokio::sync::Mutex::default() }
    }

    /// Keys that are good at `now`, AWS's time as far as it is known.
    ///
    /// # Errors
    /// What is missing, or why keys could not be fetched.
    pub async fn keys(&self, now: SystemTime) -> Result<Rc<Keys>, Failure> {
        if let Some(keys) = self.good_until(now + MARGIN) {
            return Ok(keys);
        }
        let _alone = self.fetching.lock().await;
        if let Some(keys) = self.good_until(now + MARGIN) {
            return Ok(keys);
        }
        let fetched = match &self.source {
            Source::Container(container) => container.fetch().await,
            Source::Role(role) => role.fetch().await,
            Source::Given(keys) => return Ok(keys.clone()),
            Source::None(why) => Err(Failure(format!("no AWS credentials: {why}"))),
        };
        match fetched {
            Ok(keys) => {
                let keys = Rc::new(keys);
                *self.held.borrow_mut() = Some(keys.clone());
                Ok(keys)
            }
            Err(failure) => self.good_until(now).ok_or(failure),
        }
    }

    /// Lets go of the key `id`, which AWS refused: true if another may be had.
    pub fn refused(&self, id: &str) -> bool {
        if !matches!(self.source, Source::Container(_) | Source::Role(_)) {
            return false;
        }
        // If it is not held any more, another request has seen to it.
        self.held.borrow_mut().take_if(|keys| keys.id == id);
        true
    }

    fn good_until(&self, time: SystemTime) -> Option<Rc<Keys>> {
        self.held.borrow().clone().filter(|keys| keys.good_until(time))
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn keys_are_printed_without_their_secrets() {
        let printed = format!("{:?}", Keys::new("AKID", "secret", Some("session")));
        assert!(printed.contains("AKID") && !printed.contains("secret\"") && !printed.contains("session"));
    }

    #[tokio::test]
    async fn what_is_missing_is_named_when_it_is_needed() {
        for (env, expected) in [
            (&[][..], "neither AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY nor AWS_CONTAINER"),
            (&[("AWS_ACCESS_KEY_ID", "a")], "AWS_SECRET_ACCESS_KEY is not set beside"),
            (&[("AWS_SECRET_ACCESS_KEY", "s")], "AWS_ACCESS_KEY_ID is not set beside"),
            (
                &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://example.com/x")],
                "AWS_CONTAINER_CREDENTIALS_FULL_URI: http://example.com/x would bring secrets unencrypted",
            ),
            (&[("AWS_CONTAINER_CREDENTIALS_FULL_URI", "credentials")], "has no scheme"),
        ] {
            let credentials = Credentials::of_env(&env.iter().copied().collect(), &Shared::default());
            let failure = credentials.keys(UNIX_EPOCH).await.unwrap_err().0;
            assert!(failure.contains(expected) && failure.starts_with("no AWS credentials: "), "{failure}");
        }
    }
}
