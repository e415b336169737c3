//! AWS credentials: where they come from, and when they are fetched anew.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use config::{Env, Secret};
use http::HeaderMap;
use http::header::{ACCEPT, AUTHORIZATION};
use serde::Deserialize;

use super::role::AssumedRole;
use super::{Shared, read_secret, secret_value};
use crate::calendar::day;
use crate::http::{Client, Connector, Failure, Tls, Url, Version};
use crate::otlp::answer::words;

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
    Given,
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
                return Credentials::from(Source::Given, Some(Rc::new(keys)));
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
            Some(Ok(container)) => Credentials::from(Source::Container(Box::new(container)), None),
            Some(Err(why)) => Credentials::none(&why),
            None => Credentials::none(
                "neither AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY nor AWS_CONTAINER_CREDENTIALS_FULL_URI are \
                 set (Lambda sets them from the function's role)",
            ),
        }
    }

    /// The credentials of a role that is assumed.
    pub fn of_role(role: AssumedRole) -> Credentials {
        Credentials::from(Source::Role(Box::new(role)), None)
    }

    fn none(why: &str) -> Credentials {
        Credentials::from(Source::None(why.into()), None)
    }

    fn from(source: Source, keys: Option<Rc<Keys>>) -> Credentials {
        Credentials { source, held: RefCell::new(keys), fetching: tokio::sync::Mutex::default() }
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
            Source::Given => Err(Failure("no AWS credentials".into())),
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

/// The endpoint that hands out a container's credentials
/// (<https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>).
struct Container {
    url: Url,
    client: Client,
    token: Token,
}

enum Token {
    None,
    Text(Secret),
    /// Read for each fetch, since it is replaced now and then.
    File(String),
}

/// Where `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` is relative to.
const RELATIVE_TO: &str = "http://169.254.170.2";

impl Container {
    /// Nothing if `env` names no endpoint.
    fn of_env(env: &Env, shared: &Shared) -> Option<Result<Container, String>> {
        let get = |name| env.get(name).map(str::trim).filter(|value| !value.is_empty());
        let (name, url) = match get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") {
            Some(path) => ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", format!("{RELATIVE_TO}{path}")),
            None => {
                let name = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
                (name, get(name)?.to_owned())
            }
        };
        let token =
            match (get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"), get("AWS_CONTAINER_AUTHORIZATION_TOKEN")) {
                (Some(path), _) => Token::File(path.into()),
                (None, Some(token)) => Token::Text(token.to_owned().into()),
                (None, None) => Token::None,
            };
        Some(Container::new(&url, token, shared).map_err(|why| format!("{name}: {why}")))
    }

    fn new(url: &str, token: Token, shared: &Shared) -> Result<Container, String> {
        let url = Url::parse(url)?;
        if !url.origin.tls && !is_this_host(&url.origin.host) {
            return Err(format!("{url} would bring secrets unencrypted from another host: only https may"));
        }
        // Never through a proxy: it is on this host, or as good as.
        let (origin, tls) = (url.origin.clone(), Tls::Shared(shared.tls.clone()));
        let connector = Connector { origin, tls, server_name: None, proxy: None, tunnel: false };
        Ok(Container { client: Client::new(connector, Version::Http1, None)?, url, token })
    }

    async fn fetch(&self) -> Result<Keys, Failure> {
        let failed = |why: String| Failure(format!("AWS credentials from {}: {why}", self.url));
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, http::HeaderValue::from_static("application/json"));
        let token = match &self.token {
            Token::None => None,
            Token::Text(token) => Some(token.reveal().to_owned()),
            Token::File(path) => Some(read_secret(path)?),
        };
        if let Some(token) = token {
            let value =
                secret_value(&token).map_err(|why| failed(format!("the authorization token {why}")))?;
            headers.insert(AUTHORIZATION, value);
        }
        let answer = self.client.get(&self.url.path, headers).await.map_err(|error| failed(error.0))?;
        if !answer.status.is_success() {
            return Err(failed(format!("{} {}", answer.status, words(&answer))));
        }
        // Not quoted: what can't be read may still hold the secret.
        let keys: Json = serde_json::from_slice(&answer.body)
            .map_err(|_| failed("the answer is not the JSON that was expected".into()))?;
        Ok(Keys {
            id: keys.id,
            secret: keys.secret.into(),
            token: keys.token.map(Secret::from),
            expires: keys.expires.as_deref().and_then(parse_time),
        })
    }
}

/// Loopback and the link-local addresses of ECS and EKS, which the SDKs of AWS take for safe.
fn is_this_host(host: &str) -> bool {
    match host.parse::<std::net::IpAddr>() {
        Ok(address) => {
            address.is_loopback() || ["169.254.170.2", "169.254.170.23", "fd00:ec2::23"].contains(&host)
        }
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

/// What a container's endpoint answers.
#[derive(Deserialize)]
struct Json {
    #[serde(rename = "AccessKeyId")]
    id: String,
    #[serde(rename = "SecretAccessKey")]
    secret: String,
    #[serde(rename = "Token")]
    token: Option<String>,
    #[serde(rename = "Expiration")]
    expires: Option<String>,
}

/// `2026-01-01T06:00:00Z`, fractions of a second or an offset as they may be.
pub(super) fn parse_time(text: &str) -> Option<SystemTime> {
    let (date, time) = text.trim().split_once(['T', 't', ' '])?;
    let mut date = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, of_month) = (date.next()??, date.next()??, date.next()??);
    let at = time.find(['Z', 'z', '+', '-'])?;
    let (time, zone) = time.split_at(at);
    let mut time = time.splitn(3, ':').map(|part| part.split('.').next()?.parse::<i64>().ok());
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    let offset = match zone.split_at(1) {
        ("Z" | "z", "") => 0,
        (sign, zone) => {
            let (hours, minutes) = zone.split_once(':')?;
            let seconds = hours.parse::<i64>().ok()? * 3600 + minutes.parse::<i64>().ok()? * 60;
            if sign == "-" { -seconds } else { seconds }
        }
    };
    let sound = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&of_month)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..=60).contains(&second);
    let seconds = day(year, month, of_month) * 86_400 + hour * 3600 + minute * 60 + second - offset;
    sound.then(|| UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiration_is_read_with_fractions_and_offsets() {
        for (text, seconds) in [
            ("2026-01-01T06:00:00Z", Some(1_767_247_200)),
            ("2026-01-01T06:00:00.123456Z", Some(1_767_247_200)),
            ("2026-01-01T07:00:00+01:00", Some(1_767_247_200)),
            ("2026-01-01T03:30:00-02:30", Some(1_767_247_200)),
            ("2026-13-01T06:00:00Z", None),
            ("2026-01-01T06:00:00", None),
            ("2026-01-01", None),
            ("soon", None),
            ("", None),
            ("99999999999999999999-01-01T06:00:00Z", None),
        ] {
            let expected = seconds.map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds));
            assert_eq!(parse_time(text), expected, "{text}");
        }
    }

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
