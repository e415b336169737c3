//! Secrets by name: there when the function is first invoked, or as soon as they can be had.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use simulator::otlp::traces;
use simulator::{FakeBackend, Lambda};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::stage::{Ports, start};

/// Secrets Manager with these secrets by name; denies any other, and any whose value is absent.
#[derive(Clone)]
struct FakeSecrets {
    port: u16,
    secrets: Arc<Mutex<HashMap<&'static str, Option<&'static str>>>>,
    calls: Arc<Mutex<usize>>,
}

impl FakeSecrets {
    async fn start() -> FakeSecrets {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let fake = FakeSecrets { port, secrets: Arc::default(), calls: Arc::default() };
        let serving = fake.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serving.clone().serve(BufReader::new(stream)));
            }
        });
        fake
    }

    fn put(&self, name: &'static str, value: &'static str) {
        self.secrets.lock().unwrap().insert(name, Some(value));
    }

    fn calls(&self) -> usize {
        *self.calls.lock().unwrap()
    }

    async fn serve(self, mut stream: BufReader<TcpStream>) {
        let (mut head, mut length) = (String::new(), 0);
        while stream.read_line(&mut head).await.unwrap_or(0) > 0 {
            let line = head.to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.trim().parse().unwrap();
            }
            if line.trim().is_empty() {
                let mut body = vec![0; length];
                stream.read_exact(&mut body).await.unwrap();
                let answer = self.answer(&String::from_utf8(body).unwrap());
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
            head.clear();
        }
    }

    fn answer(&self, body: &str) -> String {
        *self.calls.lock().unwrap() += 1;
        let secrets = self.secrets.lock().unwrap();
        let found =
            secrets.iter().find(|(name, _)| body.contains(&format!("\"{name}\""))).and_then(|(_, it)| *it);
        let (status, json) = match found {
            Some(value) => ("200 OK", format!(r#"{{"SecretString": "{value}"}}"#)),
            None => ("400 Bad Request", r#"{"__type": "AccessDeniedException", "Message": "denied"}"#.into()),
        };
        format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{json}", json.len())
    }

    /// A function whose collector asks here.
    fn lambda(&self, ports: Ports, config: &str) -> Lambda {
        let lambda = ports.lambda(config);
        lambda
            .env("AWS_ENDPOINT_URL_SECRETS_MANAGER", format!("http://127.0.0.1:{}", self.port))
            .env("AWS_ACCESS_KEY_ID", "AKID")
            .env("AWS_SECRET_ACCESS_KEY", "hush-key")
    }
}

/// An exporter to `backend` with the secret `name` in a header, under this id.
fn exporter(id: &str, backend: &FakeBackend, name: &str) -> String {
    format!("{id}: {{endpoint: '{}', headers: {{x-key: '${{secretsmanager:{name}}}'}}}}", backend.endpoint())
}

#[tokio::test]
async fn a_secret_is_there_at_the_first_invocation_and_fetched_once() {
    let (backend, aws, ports) = (FakeBackend::start().await, FakeSecrets::start().await, Ports::free());
    aws.put("key", "hush");
    let exporters = format!(
        "{{{}, {}, {}}}",
        exporter("otlp_http", &backend, "key"),
        exporter("otlp_http/2", &backend, "key"),
        exporter("otlp_http/unused", &backend, "other")
    );
    let mut sandbox = start(aws.lambda(ports, &ports.config(&exporters, "otlp_http, otlp_http/2"))).await;
    for _ in 0..2 {
        sandbox
            .invoke(|function| async move {
                function.post_otlp(&traces("orders", 1)).await.unwrap();
            })
            .await;
    }
    assert_eq!(backend.items(), 4);
    assert!(backend.requests().iter().all(|request| request.headers["x-key"] == "hush"));
    assert_eq!(aws.calls(), 1);
    assert_eq!(sandbox.extension_output(), "");
}
