//! Exporters that speak TLS: whom they believe, what they show, and what they say when it fails.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails panics")]

mod support;

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::WebPkiClientVerifier;
use rustls::{HandshakeKind, RootCertStore, ServerConfig};
use support::{Backend, Reply, build, build_with, exporter, listen, retry, run, traces};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::spawn_local;
use tokio_rustls::TlsAcceptor;

/// An authority of the test's own.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Authority(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for `name` and its key, as PEM.
    fn issue(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(vec![name.into()]).unwrap().signed_by(&key, &self.0).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    /// A server for `name`. It asks clients for a certificate of this authority if `mutual`.
    fn server(&self, name: &str, mutual: bool, alpn: &[u8]) -> ServerConfig {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder =
            ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
        let builder = builder.unwrap();
        let builder = if mutual {
            let mut roots = RootCertStore::empty();
            roots.add(self.0.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.unwrap())
        } else {
            builder.with_no_client_auth()
        };
        let (certificate, key) = self.issue(name);
        let chain = rustls::pki_types::CertificateDer::pem_slice_iter(certificate.as_bytes());
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
        let mut config = builder.with_single_cert(chain.map(Result::unwrap).collect(), key).unwrap();
        config.alpn_protocols = vec![alpn.to_vec()];
        config
    }

    async fn backend(&self, name: &str, mutual: bool) -> Backend {
        Backend::serve(false, Some(self.server(name, mutual, b"http/1.1")), |_| Reply::ok()).await
    }
}

/// A PEM text as a YAML value, and as a file.
fn quoted(pem: &str) -> String {
    format!("\"{}\"", pem.replace('\n', "\\n"))
}

fn file(name: &str, pem: &str) -> String {
    let path = std::env::temp_dir().join(format!("exporters-tls-{}-{name}", std::process::id()));
    std::fs::write(&path, pem).unwrap();
    path.to_str().unwrap().into()
}

fn https(backend: &Backend, tls: &str) -> String {
    format!("{{endpoint: 'https://127.0.0.1:{}', tls: {{{tls}}}}}", backend.port())
}

#[test]
fn a_server_of_a_private_authority_is_believed_by_file_or_text() {
    run(async {
        let authority = Authority::new();
        let backend = authority.backend("127.0.0.1", false).await;
        let path = file("ca.pem", &authority.pem());
        for tls in [format!("ca_file: {path}"), format!("ca_pem: {}", quoted(&authority.pem()))] {
            let exporter = exporter("otlp_http", &https(&backend, &tls));
            exporter.export(&traces(1)).await.unwrap();
            exporter.export(&traces(1)).await.unwrap();
        }
        std::fs::remove_file(path).unwrap();
        assert_eq!((backend.received().len(), backend.connections()), (4, 2));
    });
}

#[test]
fn grpc_speaks_tls_by_default() {
    run(async {
        let authority = Authority::new();
        let tls = authority.server("127.0.0.1", false, b"h2");
        let backend = Backend::serve(true, Some(tls), |_| Reply::grpc("0")).await;
        let ca = quoted(&authority.pem());
        let yaml = format!("{{endpoint: '127.0.0.1:{}', tls: {{ca_pem: {ca}}}}}", backend.port());
        exporter("otlp_grpc", &yaml).export(&traces(1)).await.unwrap();
        assert_eq!(backend.only().method, "POST");
    });
}

#[test]
fn grpc_carries_what_proves_the_sender_as_metadata() {
    run(async {
        let authority = Authority::new();
        let tls = authority.server("127.0.0.1", false, b"h2");
        let backend = Backend::serve(true, Some(tls), |_| Reply::grpc("0")).await;
        let yaml = format!(
            "{{endpoint: '127.0.0.1:{}', tls: {{ca_pem: {}}}, auth: {{authenticator: bearertokenauth}}}}",
            backend.port(),
            quoted(&authority.pem())
        );
        let exporter = build_with(("bearertokenauth", "token: abc"), ("otlp_grpc", &yaml), &[]).unwrap();
        exporter.export(&traces(1)).await.unwrap();
        assert_eq!(backend.only().header("authorization"), "Bearer abc");
    });
}

#[test]
fn a_server_that_nobody_vouches_for_is_refused_with_a_hint() {
    run(async {
        let backend = Authority::new().backend("127.0.0.1", false).await;
        let stranger = quoted(&Authority::new().pem());
        for tls in [String::new(), format!("ca_pem: {stranger}")] {
            let cause = retry(exporter("otlp_http", &https(&backend, &tls)).export(&traces(1)).await);
            let begin = format!("POST https://127.0.0.1:{}/v1/traces: TLS with 127.0.0.1:", backend.port());
            assert!(cause.starts_with(&begin) && cause.contains("name its own in tls.ca_file"), "{cause}");
        }
        assert!(backend.received().is_empty());
    });
}

#[test]
fn insecure_skip_verify_believes_anyone() {
    run(async {
        let backend = Authority::new().backend("other.example", false).await;
        exporter("otlp_http", &https(&backend, "insecure_skip_verify: true"))
            .export(&traces(1))
            .await
            .unwrap();
    });
}

#[test]
fn a_certificate_for_another_name_needs_server_name_override() {
    run(async {
        let authority = Authority::new();
        let backend = authority.backend("other.example", false).await;
        let ca = format!("ca_pem: {}", quoted(&authority.pem()));
        let cause = retry(exporter("otlp_http", &https(&backend, &ca)).export(&traces(1)).await);
        assert!(cause.contains("other.example") && cause.contains("tls.server_name_override"), "{cause}");
        let tls = format!("{ca}, server_name_override: other.example");
        exporter("otlp_http", &https(&backend, &tls)).export(&traces(1)).await.unwrap();
    });
}

#[test]
fn a_client_shows_its_certificate_where_it_is_asked_for_one() {
    run(async {
        let authority = Authority::new();
        let backend = authority.backend("127.0.0.1", true).await;
        let ca = format!("ca_pem: {}", quoted(&authority.pem()));
        let cause = retry(exporter("otlp_http", &https(&backend, &ca)).export(&traces(1)).await);
        assert!(cause.contains("tls.cert_file and tls.key_file"), "{cause}");
        let (certificate, key) = authority.issue("client");
        let path = file("key.pem", &key);
        let tls = format!("{ca}, cert_pem: {}, key_file: {path}", quoted(&certificate));
        exporter("otlp_http", &https(&backend, &tls)).export(&traces(1)).await.unwrap();
        std::fs::remove_file(path).unwrap();
    });
}

#[test]
fn a_new_connection_resumes_the_session_of_the_last() {
    run(async {
        let authority = Authority::new();
        let acceptor = TlsAcceptor::from(Arc::new(authority.server("127.0.0.1", false, b"http/1.1")));
        let (listener, port) = listen().await;
        let server = spawn_local(async move {
            let mut handshakes = Vec::new();
            for _ in 0..2 {
                let (tcp, _) = listener.accept().await.unwrap();
                let mut tls = acceptor.accept(tcp).await.unwrap();
                handshakes.push(tls.get_ref().1.handshake_kind().unwrap());
                let _ = tls.read(&mut [0; 4096]).await.unwrap();
                tls.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").await.unwrap();
                tls.shutdown().await.unwrap();
            }
            handshakes
        });
        let ca = quoted(&authority.pem());
        let exporter = exporter(
            "otlp_http",
            &format!("{{endpoint: 'https://127.0.0.1:{port}', tls: {{ca_pem: {ca}}}}}"),
        );
        exporter.export(&traces(1)).await.unwrap();
        exporter.export(&traces(1)).await.unwrap();
        assert_eq!(server.await.unwrap(), [HandshakeKind::Full, HandshakeKind::Resumed]);
    });
}

#[test]
fn a_version_below_the_servers_is_not_spoken() {
    run(async {
        let authority = Authority::new();
        let backend = authority.backend("127.0.0.1", false).await;
        let ca = format!("ca_pem: {}", quoted(&authority.pem()));
        for versions in ["min_version: '1.3'", "max_version: '1.2'", "min_version: '1.0'"] {
            let tls = format!("{ca}, {versions}");
            exporter("otlp_http", &https(&backend, &tls)).export(&traces(1)).await.unwrap();
        }
    });
}

#[test]
fn tls_to_a_port_without_it_gets_a_hint() {
    run(async {
        let (listener, port) = listen().await;
        spawn_local(async move {
            let (mut tcp, _) = listener.accept().await.unwrap();
            tcp.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
            let _ = tcp.read_to_end(&mut Vec::new()).await;
        });
        let exporter = exporter("otlp_grpc", &format!("endpoint: 127.0.0.1:{port}"));
        let cause = retry(exporter.export(&traces(1)).await);
        assert!(cause.contains("does not speak TLS on this port"), "{cause}");
    });
}

#[test]
fn files_that_cannot_be_used_are_mistakes_at_start() {
    let (certificate, key) = Authority::new().issue("client");
    let (certificate, key) = (quoted(&certificate), quoted(&key));
    for (tls, at, reason) in [
        ("ca_file: /nothing.pem".into(), "tls.ca_file", "can't read `/nothing.pem`"),
        ("ca_pem: nothing".into(), "tls.ca_pem", "holds no PEM certificate"),
        (format!("ca_pem: {key}"), "tls.ca_pem", "holds no PEM certificate"),
        (format!("cert_pem: {certificate}"), "tls.cert_pem", "needs its key"),
        (format!("key_pem: {key}"), "tls.key_pem", "needs its certificate"),
        (format!("cert_pem: {certificate}, key_pem: nothing"), "tls.key_pem", "not a PEM private key"),
        (format!("cert_pem: {certificate}, cert_file: /x, key_pem: {key}"), "tls.cert_file", "not both"),
        ("min_version: '1.4'".into(), "tls.min_version", "no TLS version"),
        ("max_version: '1.1'".into(), "tls.max_version", "below 1.2"),
        ("min_version: '1.3', max_version: '1.2'".into(), "tls.max_version", "below min_version"),
    ] {
        for (name, endpoint) in [("otlp_http", "https://backend"), ("otlp_grpc", "backend:4317")] {
            let yaml = format!("{{endpoint: '{endpoint}', tls: {{{tls}}}}}");
            let Err(error) = build(name, &yaml, &[]) else { panic!("accepted: {tls}") };
            assert!(error.contains(at) && error.contains(reason), "{tls}: {error}");
            assert!(!error.contains("BEGIN PRIVATE"), "{error}");
        }
    }
}
