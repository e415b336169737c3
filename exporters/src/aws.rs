//! What AWS's services have in common: the names of their hosts, and how they say no.

use http::StatusCode;
use serde::Deserialize;

use crate::http::Answer;
use crate::otlp::answer::excerpt;

/// Where `service` is in `region` (<https://docs.aws.amazon.com/general/latest/gr/rande.html>).
pub(crate) fn host(service: &str, region: &str) -> String {
    let domain = match region.split('-').next() {
        Some("cn") => "amazonaws.com.cn",
        Some("eusc") => "amazonaws.eu",
        _ => "amazonaws.com",
    };
    format!("{service}.{region}.{domain}")
}

/// Why a service did not do what it was asked, in its own words.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// `AccessDeniedException`, `NoSuchKey`; empty if the service gave none.
    pub code: String,
    /// For people.
    pub message: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Json {
    #[serde(rename = "__type", alias = "code", alias = "Code")]
    code: String,
    #[serde(alias = "Message")]
    message: String,
}

impl Refusal {
    /// Reads an answer of the JSON or the XML protocols.
    pub fn of(answer: &Answer) -> Refusal {
        let body = std::str::from_utf8(&answer.body).unwrap_or_default();
        let said = match serde_json::from_str::<Json>(body) {
            Ok(said) => said,
            Err(_) => {
                let part = |name| element(body, name).unwrap_or_default().to_owned();
                Json { code: part("Code"), message: part("Message") }
            }
        };
        // `ThrottledException:http://internal.amazon.com/...`, `com.amazonaws.xray#ThrottledException`
        let code = match answer.header("x-amzn-errortype") {
            "" => said.code.as_str(),
            code => code,
        };
        let code = code.split(':').next().unwrap_or_default();
        let code = excerpt(code.rsplit('#').next().unwrap_or_default());
        let message = match said.message.as_str() {
            "" if code.is_empty() => excerpt(body),
            message => excerpt(message),
        };
        Refusal { code, message }
    }

    /// Whether it passes with time, as an answer with `status`.
    pub fn passes(&self, status: StatusCode) -> bool {
        [StatusCode::TOO_MANY_REQUESTS, StatusCode::REQUEST_TIMEOUT].contains(&status)
            || status.is_server_error()
            || passes(&self.code)
    }
}

/// Whether an error of that name passes with time.
pub(crate) fn passes(code: &str) -> bool {
    [
        "Throttl",
        "InternalFailure",
        "InternalServer",
        "ServiceUnavailable",
        "SlowDown",
        "TooManyRequests",
        "Timeout",
    ]
    .iter()
    .any(|part| code.contains(part))
}

/// What stands between `<name>` and `</name>`. Keys and tokens hold no character that XML escapes.
pub(crate) fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    Some(rest.split_once(&format!("</{name}>"))?.0.trim())
}
