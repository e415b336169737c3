//! `sigv4auth`: requests that AWS's own endpoints accept.

use std::cell::Cell;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use config::{Env, Mistakes, Node};
use http::header::{AUTHORIZATION, DATE, HOST};
use http::{HeaderMap, Request, StatusCode};
use pipeline::Context;
use serde::Deserialize;

use super::credentials::Credentials;
use super::endpoint::Endpoint;
use super::role::{AssumeRole, AssumedRole};
use super::signature::{Scope, sign};
use super::{Authenticator, Extension, Shared};
use crate::findings::Findings;
use crate::http::{Answer, Failure, Origin, Pieces};

/// What a user may write, with the Collector's keys.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    /// If empty that of the host of each request, else that of the function.
    region: String,
    /// If empty that of the host of each request.
    service: String,
    /// A role to sign as.
    assume_role: AssumeRole,
}

/// A clock that is wrong by less is right enough: AWS allows 5 minutes, and the answer was on its way for a while.
const TOLERANCE: Duration = Duration::from_secs(60);

/// Signs requests (AWS Signature Version 4). Knows nothing of exporters: whoever talks to AWS can use it.
pub(crate) struct SigV4 {
    region: Option<String>,
    service: Option<String>,
    /// The region where neither configuration nor host name one.
    own_region: Option<String>,
    credentials: Credentials,
    /// What to add to our clock to have AWS's.
    skew: Cell<Skew>,
}

/// A difference of two clocks.
#[derive(Clone, Copy, Debug)]
enum Skew {
    Ahead(Duration),
    Behind(Duration),
}

/// Reads the configuration and makes the extension.
pub(super) fn build(node: &Node, context: &Context, shared: &Shared) -> Result<Box<Extension>, Mistakes> {
    let config: Config = node.read()?;
    let (role, mut findings) = (&config.assume_role, Findings::default());
    if role.arn.is_empty() {
        if !role.web_identity_token_file.is_empty() {
            findings.mistake::<()>("assume_role.arn", "is missing: which role does the token stand for?");
        }
        for (key, value) in
            [("session_name", &*role.session_name), ("external_id", role.external_id.reveal())]
        {
            if !value.is_empty() {
                findings.warn(&format!("assume_role.{key}"), "has no effect without assume_role.arn");
            }
        }
    }
    let made = SigV4::for_process(&config.region, &config.service, role, &context.env, shared);
    let made = made.map_err(|why| findings.mistake::<()>("assume_role", why)).ok();
    findings.report(node)?;
    made.map(Extension::authenticator).ok_or_else(|| node.mistake("", "can't be used"))
}

/// The region that the process runs in, as Lambda tells it.
pub(crate) fn own_region(env: &Env) -> Option<String> {
    ["AWS_REGION", "AWS_DEFAULT_REGION"].iter().find_map(|name| text(env.get(name)?.trim()))
}

fn text(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

impl SigV4 {
    /// For requests to `service` in `region`.
    pub fn new(region: &str, service: &str, credentials: Credentials) -> SigV4 {
        let skew = Cell::new(Skew::Ahead(Duration::ZERO));
        SigV4 { region: text(region), service: text(service), own_region: None, credentials, skew }
    }

    /// For requests to `service` in `region`, told by their hosts where these are empty, with the credentials of
    /// the process or those of a role that is assumed with them. Fetches nothing yet.
    ///
    /// # Errors
    /// STS can't be asked as the environment wants it.
    pub fn for_process(
        region: &str,
        service: &str,
        role: &AssumeRole,
        env: &Env,
        shared: &Shared,
    ) -> Result<SigV4, String> {
        let own_region = own_region(env);
        let mut credentials = Credentials::of_env(env, shared);
        if !role.arn.is_empty() {
            let region = text(&role.sts_region).or_else(|| text(region)).or_else(|| own_region.clone());
            let role = AssumedRole::new(role, region.as_deref(), credentials, env, shared)?;
            credentials = Credentials::of_role(role);
        }
        Ok(SigV4 { own_region, ..SigV4::new(region, service, credentials) })
    }

    /// For which service in which region a request to `host` is signed; an empty word where neither
    /// configuration nor host tell.
    fn scope(&self, host: &str) -> Scope {
        let told = Endpoint::of_host(host);
        let region = self.region.clone().or(told.region).or_else(|| self.own_region.clone());
        let service = self.service.clone().or(told.service);
        Scope { region: region.unwrap_or_default(), service: service.unwrap_or_default() }
    }

    /// AWS's time, as far as it is known.
    fn now(&self) -> SystemTime {
        let now = SystemTime::now();
        match self.skew.get() {
            Skew::Ahead(by) => now.checked_add(by),
            Skew::Behind(by) => now.checked_sub(by),
        }
        .unwrap_or(now)
    }

    /// Takes the time of `answer` for AWS's if ours is wrong.
    fn corrects_clock(&self, answer: &Answer) -> bool {
        let Ok(theirs) = httpdate::parse_http_date(answer.header(DATE.as_str())) else { return false };
        let apart = |ours: SystemTime| match theirs.duration_since(ours) {
            Ok(by) => Skew::Ahead(by),
            Err(error) => Skew::Behind(error.duration()),
        };
        let (Skew::Ahead(wrong) | Skew::Behind(wrong)) = apart(self.now());
        if wrong <= TOLERANCE {
            return false;
        }
        self.skew.set(apart(SystemTime::now()));
        true
    }
}

#[async_trait(?Send)]
impl Authenticator for SigV4 {
    async fn authenticate(&self, request: &mut Request<Pieces>) -> Result<(), Failure> {
        let keys = self.credentials.keys(self.now()).await?;
        let host = request.uri().host().map(str::to_owned).or_else(|| {
            let host = request.headers().get(HOST)?.to_str().ok()?;
            Some(host.rsplit_once(':').map_or(host, |(host, _port)| host).to_owned())
        });
        sign(request, &keys, &self.scope(&host.unwrap_or_default()), self.now())
    }

    fn learns(&self, sent: &HeaderMap, answer: &Answer) -> bool {
        let refusals = [StatusCode::BAD_REQUEST, StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN];
        if !refusals.contains(&answer.status) {
            return false;
        }
        // A key is only looked at when the time is right.
        self.corrects_clock(answer) || (refuses_key(answer) && self.credentials.refused(key_id(sent)))
    }

    fn suits(&self, server: &Origin) -> Result<(), String> {
        let scope = self.scope(&server.host);
        let missing = match (scope.region.is_empty(), scope.service.is_empty()) {
            (false, false) => return Ok(()),
            (true, true) => "region and service",
            (true, false) => "region",
            (false, true) => "service",
        };
        Err(format!("the host {} does not tell {missing}: write that below the extension", server.host))
    }

    fn takes_grpc(&self) -> Result<(), &'static str> {
        Err("sigv4auth signs HTTP requests alone, and no endpoint of AWS takes OTLP over gRPC: use otlp_http")
    }
}

/// Whether AWS says that the key has ended or is unknown to it, in the words of its protocols
/// (`ExpiredToken`, `ExpiredTokenException`, `UnrecognizedClientException`, `InvalidClientTokenId`).
fn refuses_key(answer: &Answer) -> bool {
    let body = String::from_utf8_lossy(&answer.body);
    let said = [answer.header("x-amzn-errortype"), &body].join(" ");
    [
        "ExpiredToken",
        "security token included in the request is",
        "UnrecognizedClient",
        "InvalidClientTokenId",
    ]
    .iter()
    .any(|code| said.contains(code))
}

/// The id of the key that a request was signed with.
fn key_id(sent: &HeaderMap) -> &str {
    let authorization = sent.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let credential = authorization.split_once("Credential=").map_or("", |(_, credential)| credential);
    credential.split('/').next().unwrap_or_default()
}
