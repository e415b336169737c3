//! A certificate of its own for the backend.

use std::sync::Arc;

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

/// What the backend needs for TLS, and what its clients need.
pub(super) struct Identity {
    pub acceptor: TlsAcceptor,
    pub ca_pem: String,
}

/// A new certificate for `localhost` and `127.0.0.1`.
#[expect(clippy::expect_used, reason = "a test without its backend can do nothing better than stop")]
pub(super) fn identity() -> Identity {
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).expect("a certificate for localhost");
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring knows TLS 1.2 and 1.3")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("the key belongs to the certificate");
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Identity { acceptor: TlsAcceptor::from(Arc::new(config)), ca_pem: made.cert.pem() }
}
