//! AWS's side of a signature: what arrived is written down anew, signed with the key that the service knows, and
//! compared.

use ring::{digest, hmac};

use super::backend::Received;

/// What a service knows of one key.
#[derive(Clone, Copy)]
pub struct Key {
    pub id: &'static str,
    pub secret: &'static str,
    /// The session token that goes with it, or nothing.
    pub token: &'static str,
}

/// What a service takes: signatures of `key` for itself.
#[derive(Clone, Copy)]
pub struct Service {
    pub key: Key,
    pub region: &'static str,
    pub name: &'static str,
}

impl Service {
    /// Whether `request` is signed as AWS wants it; else what AWS would say.
    pub fn verify(&self, request: &Received) -> Result<(), String> {
        let authorization = request.header("authorization");
        let rest = authorization.strip_prefix("AWS4-HMAC-SHA256 Credential=").ok_or("IncompleteSignature")?;
        let (credential, rest) = rest.split_once(", SignedHeaders=").ok_or("IncompleteSignature")?;
        let (names, signature) = rest.split_once(", Signature=").ok_or("IncompleteSignature")?;
        let time = request.header("x-amz-date");
        let day = time.get(..8).ok_or("no x-amz-date")?;
        let scope = format!("{day}/{}/{}/aws4_request", self.region, self.name);
        match credential.split_once('/') {
            Some((id, _)) if id != self.key.id => return Err(format!("UnrecognizedClientException: {id}")),
            Some((_, found)) if found != scope => return Err(format!("scope {found} instead of {scope}")),
            _ => {}
        }
        if request.header("x-amz-security-token") != self.key.token {
            return Err("ExpiredTokenException: not the token of this key".into());
        }
        let text = format!(
            "AWS4-HMAC-SHA256\n{time}\n{scope}\n{}",
            sha256(self.canonical(request, names)?.as_bytes())
        );
        let mut key = format!("AWS4{}", self.key.secret).into_bytes();
        for part in scope.split('/') {
            key = hmac256(&key, part);
        }
        let expected = hex(&hmac256(&key, &text));
        if signature == expected { Ok(()) } else { Err(format!("SignatureDoesNotMatch of {names}")) }
    }

    fn canonical(&self, request: &Received, names: &str) -> Result<String, String> {
        let mut signed: Vec<&str> = names.split(';').collect();
        let sorted = signed.is_sorted();
        let aws = request.headers.keys().map(|name| name.as_str()).filter(|name| name.starts_with("x-amz-"));
        if !sorted || ["host"].into_iter().chain(aws).any(|name| !signed.contains(&name)) {
            return Err(format!("headers {names} are not all that must be signed, in order"));
        }
        // A proxy is asked for a whole URL; what it passes on, and what is signed, is the path.
        let target = request
            .target
            .split_once("://")
            .map_or(&*request.target, |(_, rest)| &rest[rest.find('/').unwrap_or(0)..]);
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut query: Vec<&str> = query.split('&').collect();
        query.sort_unstable();
        let mut text = format!("{}\n{path}\n{}\n", request.method, query.join("&"));
        for name in signed.drain(..) {
            text += &format!("{name}:{}\n", request.header(name));
        }
        Ok(format!("{text}\n{names}\n{}", sha256(&request.body)))
    }
}

fn hmac256(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

fn sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
