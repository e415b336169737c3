//! The `tls` section of an exporter, and the one TLS configuration that all exporters without one share.

use std::cell::OnceCell;
use std::fs;
use std::sync::Arc;

use config::Secret;
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme, SupportedProtocolVersion,
};
use serde::Deserialize;

use crate::findings::Findings;

/// The sessions remembered, to spare the next connection a full handshake: a few of each server, of which an
/// exporter has one or three.
const SESSIONS: usize = 32;

/// `tls`: the Collector's `configtls.ClientConfig`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Keys {
    /// gRPC only: no TLS, unless the endpoint says `https://`.
    pub insecure: bool,
    /// Takes any certificate. The connection is encrypted, but to whom is unknown.
    pub insecure_skip_verify: bool,
    /// The name asked for and expected in the certificate, instead of the endpoint's host.
    pub server_name_override: Option<String>,
    /// A PEM file of authorities that may vouch for the server, instead of the public ones.
    ca_file: Option<String>,
    /// The same as text.
    ca_pem: Option<Secret>,
    /// Takes the public authorities beside `ca_file` or `ca_pem`.
    include_system_ca_certs_pool: bool,
    /// A PEM file of the client's own certificate.
    cert_file: Option<String>,
    /// The same as text.
    cert_pem: Option<Secret>,
    /// A PEM file of the key of the client's certificate.
    key_file: Option<String>,
    /// The same as text.
    key_pem: Option<Secret>,
    /// The lowest version: `1.2` or `1.3`. Lower ones mean 1.2, the lowest that is spoken here.
    min_version: Option<String>,
    /// The highest version: `1.2` or `1.3`.
    max_version: Option<String>,
    /// Accepted; what rustls offers is sound.
    cipher_suites: Vec<String>,
    /// Accepted; what rustls offers is sound.
    curve_preferences: Vec<String>,
}

/// The TLS configuration of exporters that don't ask for anything particular.
///
/// Made at the first connection, since most of a start-up's budget would go into it, and shared, so that all
/// exporters resume each other's sessions. Its authorities are compiled in: a Lambda image may have none, and
/// reading a system's store takes tens of milliseconds.
#[derive(Default)]
pub(crate) struct SharedTls(OnceCell<ClientConfig>);

impl SharedTls {
    /// The configuration, offering `alpn`.
    pub fn get(&self, alpn: &[u8]) -> Result<Arc<ClientConfig>, Error> {
        let config = match self.0.get() {
            Some(config) => config,
            None => {
                let made = client(&Keys::default(), public_roots(), None, rustls::DEFAULT_VERSIONS)?;
                self.0.get_or_init(|| made)
            }
        };
        Ok(offering(config.clone(), alpn))
    }
}

impl Keys {
    /// A configuration of the exporter's own, or nothing if the shared one will do. Files are read now, so
    /// that a wrong path shows at start and not when the first telemetry is lost.
    pub fn own_config(&self, alpn: &[u8], findings: &mut Findings) -> Option<Arc<ClientConfig>> {
        let before = findings.mistakes.len();
        let roots = self.roots(findings);
        let identity = self.identity(findings);
        let versions = self.versions(findings);
        if !self.cipher_suites.is_empty() || !self.curve_preferences.is_empty() {
            findings
                .warn("tls", "`cipher_suites` and `curve_preferences` change nothing: all of ours are sound");
        }
        if findings.mistakes.len() > before
            || (roots.is_none() && identity.is_none() && versions.is_none() && !self.insecure_skip_verify)
        {
            return None;
        }
        let versions = versions.as_deref().unwrap_or(rustls::DEFAULT_VERSIONS);
        match client(self, roots.unwrap_or_else(public_roots), identity, versions) {
            Ok(config) => Some(offering(config, alpn)),
            Err(error) => findings.mistake("tls", format!("certificate and key can't be used: {error}")),
        }
    }

    /// Whether authorities are named, which for gRPC outweighs `insecure`, as in the Collector.
    pub fn names_authorities(&self) -> bool {
        self.ca_file.is_some() || self.ca_pem.is_some()
    }

    fn roots(&self, findings: &mut Findings) -> Option<RootCertStore> {
        let (key, pem) = pem("ca", &self.ca_file, &self.ca_pem, findings)?;
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let added = certificate
                .map_err(|error| error.to_string())
                .and_then(|der| roots.add(der).map_err(|error| error.to_string()));
            if let Err(error) = added {
                return findings.mistake(&key, format!("not a PEM certificate: {error}"));
            }
        }
        if roots.is_empty() {
            return findings.mistake(&key, "holds no PEM certificate (-----BEGIN CERTIFICATE-----)");
        }
        if self.include_system_ca_certs_pool {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        Some(roots)
    }

    fn identity(&self, findings: &mut Findings) -> Option<Identity> {
        let certificates = pem("cert", &self.cert_file, &self.cert_pem, findings);
        let key = pem("key", &self.key_file, &self.key_pem, findings);
        let ((cert_key, certificates), (key_key, key)) = match (certificates, key) {
            (Some(certificates), Some(key)) => (certificates, key),
            (Some((at, _)), None) if self.key_file.is_none() && self.key_pem.is_none() => {
                return findings.mistake(&at, "a client certificate needs its key: add key_file or key_pem");
            }
            (None, Some((at, _))) if self.cert_file.is_none() && self.cert_pem.is_none() => {
                return findings.mistake(&at, "a key needs its certificate: add cert_file or cert_pem");
            }
            _ => return None,
        };
        let chain: Vec<_> = match CertificateDer::pem_slice_iter(&certificates).collect() {
            Ok(chain) => chain,
            Err(error) => return findings.mistake(&cert_key, format!("not a PEM certificate: {error}")),
        };
        if chain.is_empty() {
            return findings.mistake(&cert_key, "holds no PEM certificate (-----BEGIN CERTIFICATE-----)");
        }
        match PrivateKeyDer::from_pem_slice(&key) {
            Ok(key) => Some(Identity { chain, key }),
            Err(error) => findings.mistake(&key_key, format!("not a PEM private key: {error}")),
        }
    }

    fn versions(&self, findings: &mut Findings) -> Option<Vec<&'static SupportedProtocolVersion>> {
        let min = version("tls.min_version", &self.min_version, findings);
        let max = version("tls.max_version", &self.max_version, findings);
        if min.is_none() && max.is_none() {
            return None;
        }
        let (min, max) = (min.unwrap_or(2), max.unwrap_or(3));
        if max < 2 || min > max {
            let wrong =
                if max < 2 { "below 1.2, the lowest version spoken here" } else { "below min_version" };
            return findings.mistake("tls.max_version", wrong);
        }
        let spoken = [(2, &rustls::version::TLS12), (3, &rustls::version::TLS13)];
        Some(spoken.into_iter().filter(|(v, _)| (min..=max).contains(v)).map(|(_, v)| v).collect())
    }
}

/// The client's own certificate, with those that vouch for it, and its key.
struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

/// The PEM of `{kind}_file` or `{kind}_pem`, with the key that it came from.
fn pem(
    kind: &str,
    file: &Option<String>,
    text: &Option<Secret>,
    findings: &mut Findings,
) -> Option<(String, Vec<u8>)> {
    let key = format!("tls.{kind}_file");
    match (file.as_deref().unwrap_or_default(), text.as_ref().map(Secret::reveal).unwrap_or_default()) {
        ("", "") => None,
        ("", text) => Some((format!("tls.{kind}_pem"), text.into())),
        (path, "") => match fs::read(path) {
            Ok(pem) => Some((key, pem)),
            Err(error) => findings.mistake(&key, format!("can't read `{path}`: {error}")),
        },
        _ => findings.mistake(&key, format!("give either {kind}_file or {kind}_pem, not both")),
    }
}

fn version(key: &str, text: &Option<String>, findings: &mut Findings) -> Option<u8> {
    match text.as_deref()? {
        "" => None,
        "1.0" => Some(0),
        "1.1" => Some(1),
        "1.2" => Some(2),
        "1.3" => Some(3),
        other => findings.mistake(key, format!("`{other}` is no TLS version: use \"1.2\" or \"1.3\"")),
    }
}

fn public_roots() -> RootCertStore {
    RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }
}

fn client(
    keys: &Keys,
    roots: RootCertStore,
    identity: Option<Identity>,
    versions: &[&'static SupportedProtocolVersion],
) -> Result<ClientConfig, Error> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone()).with_protocol_versions(versions)?;
    let builder = if keys.insecure_skip_verify {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
    } else {
        builder.with_root_certificates(roots)
    };
    let mut config = match identity {
        Some(Identity { chain, key }) => builder.with_client_auth_cert(chain, key)?,
        None => builder.with_no_client_auth(),
    };
    config.resumption = Resumption::in_memory_sessions(SESSIONS);
    Ok(config)
}

fn offering(mut config: ClientConfig, alpn: &[u8]) -> Arc<ClientConfig> {
    config.alpn_protocols = vec![alpn.to_vec()];
    Arc::new(config)
}

/// `insecure_skip_verify`: believes any certificate, but still demands that the server holds its key.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
