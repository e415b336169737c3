//! Why no answer came, in words that lead to the cause.

use std::error::Error;
use std::fmt;
use std::io;

use h2::Reason;
use rustls::{AlertDescription, CertificateError, InvalidMessage};

/// No answer came: no connection, or it was lost before the answer began. The request may be tried again.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure(pub String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Failure {}

impl Failure {
    /// `doing` failed because of `error`, with what to do about it where the error tells.
    pub fn new(doing: &str, error: &(dyn Error + 'static)) -> Failure {
        let mut text = format!("{doing}: {}", chain(error));
        if let Some(hint) = hint(error) {
            text.push_str("; ");
            text.push_str(hint);
        }
        Failure(text)
    }
}

/// The error and what caused it, each once: many libraries repeat the cause in their own text.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    for cause in causes(error).skip(1) {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text
}

/// `error`, then what it says caused it; an [`io::Error`] also gives up what it only wraps.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| {
        let error: &'a (dyn Error + 'static) = *error;
        match error.downcast_ref::<io::Error>() {
            Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
            None => error.source(),
        }
    })
}

/// What to do about it, for the usual slips of configuration.
fn hint(error: &(dyn Error + 'static)) -> Option<&'static str> {
    causes(error).find_map(|cause| {
        if let Some(error) = cause.downcast_ref::<rustls::Error>() {
            return tls_hint(error);
        }
        if let Some(error) = cause.downcast_ref::<h2::Error>() {
            let not_http2 = matches!(error.reason(), Some(Reason::FRAME_SIZE_ERROR | Reason::PROTOCOL_ERROR));
            return (not_http2 && !error.is_remote()).then_some(
                "the server does not answer in HTTP/2: it may want TLS, or be an HTTP port (use otlp_http)",
            );
        }
        let error = cause.downcast_ref::<hyper::Error>()?;
        (error.is_parse() || error.is_parse_version_h2()).then_some(
            "the server does not answer in HTTP/1.1: it may want https://, or be a gRPC port (use otlp_grpc)",
        )
    })
}

fn tls_hint(error: &rustls::Error) -> Option<&'static str> {
    use rustls::Error::{AlertReceived, InvalidCertificate, InvalidMessage as Invalid};
    Some(match error {
        Invalid(InvalidMessage::InvalidContentType | InvalidMessage::MessageTooLarge) => {
            "the server does not speak TLS on this port: use http://, or tls.insecure: true for gRPC"
        }
        InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature) => {
            "no known authority vouches for the server's certificate: name its own in tls.ca_file"
        }
        InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => "tls.server_name_override sets the name to expect",
        AlertReceived(
            AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::UnknownCA
            | AlertDescription::HandshakeFailure,
        ) => "the server may want a client certificate: tls.cert_file and tls.key_file",
        AlertReceived(AlertDescription::NoApplicationProtocol) => {
            "otlp_http speaks HTTP/1.1 and otlp_grpc HTTP/2; the server takes only the other"
        }
        _ => return None,
    })
}
