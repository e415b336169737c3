//! Secrets by name: there when the function is first invoked, or as soon as they can be had.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use simulator::otlp::traces;
use simulator::{Behaviour, FakeBackend, Lambda, Status};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::stage::{HELD_AT_MOST, Ports, prompt, start};

/// Secrets Manager with these secrets by name; denies any other.
#[derive(Clone)]
pub struct FakeSecrets {
    port: u16,
    secrets: Arc<Mutex<HashMap<&'static str, &'static str>>>,
    calls: Arc<Mutex<usize>>,
    delay: Arc<Mutex<Duration>>,
}

impl FakeSecrets {
    pub async fn start() -> FakeSecrets {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let fake =
            FakeSecrets { port, secrets: Arc::default(), calls: Arc::default(), delay: Arc::default() };
        let serving = fake.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serving.clone().serve(BufReader::new(stream)));
            }
        });
        fake
    }

    pub fn put(&self, name: &'static str, value: &'static str) {
        self.secrets.lock().unwrap().insert(name, value);
    }

    /// Takes so long for each answer from now on.
    fn delay(&self, delay: Duration) {
        *self.delay.lock().unwrap() = delay;
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
                let delay = *self.delay.lock().unwrap();
                tokio::time::sleep(delay).await;
                let answer = self.answer(&String::from_utf8(body).unwrap());
                let _ = stream.write_all(answer.as_bytes()).await;
            }
            head.clear();
        }
    }

    fn answer(&self, body: &str) -> String {
        *self.calls.lock().unwrap() += 1;
        let secrets = self.secrets.lock().unwrap();
        let found = secrets.iter().find(|(name, _)| body.contains(&format!("\"{name}\"")));
        let (status, json) = match found {
            Some((_, value)) => ("200 OK", format!(r#"{{"SecretString": "{value}"}}"#)),
            None => ("400 Bad Request", r#"{"__type": "AccessDeniedException", "Message": "denied"}"#.into()),
        };
        format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{json}", json.len())
    }

    /// A function whose collector asks here.
    pub fn lambda(&self, ports: Ports, config: &str) -> Lambda {
        let lambda = prompt(ports.lambda(config));
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

#[tokio::test]
async fn a_secret_that_can_not_be_had_costs_only_its_exporter_and_no_data_once_it_can() {
    let (backend, aws, ports) = (FakeBackend::start().await, FakeSecrets::start().await, Ports::free());
    let exporters = format!(
        "{{{}, otlp_http/2: {{endpoint: '{}'}}}}",
        exporter("otlp_http", &backend, "late"),
        backend.endpoint()
    );
    let mut sandbox = start(aws.lambda(ports, &ports.config(&exporters, "otlp_http, otlp_http/2"))).await;
    let send = |function: simulator::Function| async move {
        function.post_otlp(&traces("orders", 2)).await.unwrap();
    };
    let invoked = sandbox.invoke(send).await;
    assert!(invoked.held < HELD_AT_MOST, "{:?}", invoked.held);
    assert_eq!(backend.items(), 2);
    let output = sandbox.extension_output();
    for words in [
        "exporters.otlp_http.headers.x-key: the secret late",
        "AccessDenied",
        "secretsmanager:GetSecretValue",
    ] {
        assert!(output.contains(words), "{output}");
    }

    aws.put("late", "hush");
    // It is asked for again a second after it was denied.
    let mut sent = 1;
    while !backend.requests().iter().any(|request| request.headers.contains_key("x-key")) {
        sandbox.invoke(send).await;
        sent += 1;
    }
    assert_eq!(backend.items(), 2 * 2 * sent);
    let keys =
        backend.requests().into_iter().filter(|it| it.headers.get("x-key").is_some_and(|key| key == "hush"));
    assert!(keys.count() > 0);
    sandbox.shutdown().await;
    assert!(!sandbox.extension_output().contains("hush"), "{}", sandbox.extension_output());
}

#[tokio::test]
async fn a_configuration_that_can_not_be_had_at_the_start_runs_when_it_can() {
    let (backend, aws, ports) = (FakeBackend::start().await, FakeSecrets::start().await, Ports::free());
    let lambda = aws
        .lambda(ports, "")
        .env("OPENTELEMETRY_COLLECTOR_CONFIG_URI", "secretsmanager:config")
        // The built-in configuration's ports are those of everybody else on this machine.
        .env("OTELCOL_LAMBDA_EXPORTER_OTLP_ENDPOINT", "http://localhost:1")
        .env("OTELCOL_LAMBDA_RECEIVER_OTLP_HTTP_ENDPOINT", format!("localhost:{}", ports.http));
    let mut sandbox = start(lambda).await;
    let invoked = sandbox
        .invoke(|function| async move {
            assert_eq!(function.post_otlp(&traces("orders", 2)).await.unwrap().status, 404);
        })
        .await;
    assert_eq!(invoked.status, Status::Success);
    assert!(sandbox.extension_output().contains("the secret config"), "{}", sandbox.extension_output());

    let config = ports.config(&crate::stage::otlp_http(&backend), "otlp_http");
    aws.put("config", config.replace('\n', "\\n").leak());
    while !sandbox.extension_output().contains("could be had now") {
        sandbox.invoke(|_| async {}).await;
    }
    sandbox
        .invoke(|function| async move {
            function.post_otlp(&traces("orders", 2)).await.unwrap();
        })
        .await;
    assert_eq!(backend.items(), 2);
}

/// Lets the secret of an exporter with these further `settings` be replaced between two requests.
async fn replace_secret(settings: &str) {
    let (backend, aws, ports) = (FakeBackend::start().await, FakeSecrets::start().await, Ports::free());
    aws.put("key", "old");
    let endpoint = backend.endpoint();
    let exporters = format!(
        "{{otlp_http: {{endpoint: '{endpoint}', headers: {{x-key: '${{secretsmanager:key}}'}}{settings}}}}}"
    );
    let mut sandbox = start(aws.lambda(ports, &ports.config(&exporters, "otlp_http"))).await;
    aws.put("key", "new");
    backend.script([Behaviour::Refuse { http: 401, grpc: 16, retry_after: None }]);
    sandbox
        .invoke(|function| async move {
            function.post_otlp(&traces("orders", 2)).await.unwrap();
        })
        .await;
    let keys: Vec<_> =
        backend.requests().into_iter().map(|request| request.headers["x-key"].clone()).collect();
    assert_eq!(keys, ["old", "new"]);
    assert_eq!((backend.items(), aws.calls()), (2, 2));
}

#[tokio::test]
async fn a_secret_that_was_replaced_is_fetched_anew_when_the_backend_refuses_the_old_one() {
    replace_secret("").await;
}

#[tokio::test]
async fn a_secret_that_was_replaced_costs_no_data_where_nothing_is_retried() {
    replace_secret(", retry_on_failure: {enabled: false}").await;
}

/// Invokes a function of 800 ms with a timeout of a second, while `aws` gives no answer. Who waits for one lets every such
/// invocation time out; a machine that stalls in the last moments, one or two.
async fn nearly_times_out(aws: &FakeSecrets, lambda: Lambda) {
    for _ in 0..5 {
        aws.delay(Duration::ZERO);
        let mut sandbox = start(lambda.clone().timeout(Duration::from_secs(1))).await;
        aws.delay(Duration::from_secs(60));
        let invoked = sandbox
            .invoke(|function| async move {
                // While nothing is configured, nobody listens.
                let _ = function.post_otlp(&traces("orders", 1)).await;
                tokio::time::sleep(Duration::from_millis(800)).await;
            })
            .await;
        if invoked.status == Status::Success {
            return;
        }
    }
    panic!("five invocations timed out");
}

#[tokio::test]
async fn a_secret_that_is_slow_to_come_does_not_let_an_invocation_time_out() {
    let (backend, aws, ports) = (FakeBackend::start().await, FakeSecrets::start().await, Ports::free());
    let exporters = format!("{{{}}}", exporter("otlp_http", &backend, "late"));
    nearly_times_out(&aws, aws.lambda(ports, &ports.config(&exporters, "otlp_http"))).await;
}

#[tokio::test]
async fn a_configuration_that_is_slow_to_come_does_not_let_an_invocation_time_out() {
    let (aws, ports) = (FakeSecrets::start().await, Ports::free());
    let lambda = aws.lambda(ports, "").env("OPENTELEMETRY_COLLECTOR_CONFIG_URI", "secretsmanager:config");
    nearly_times_out(&aws, lambda).await;
}

#[tokio::test]
async fn what_waits_for_a_secret_is_sent_at_the_end_if_that_can_be_had_then() {
    let (backend, aws, ports) = (FakeBackend::start().await, FakeSecrets::start().await, Ports::free());
    let exporters = format!("{{{}}}", exporter("otlp_http", &backend, "late"));
    let mut sandbox = start(aws.lambda(ports, &ports.config(&exporters, "otlp_http"))).await;
    sandbox
        .invoke(|function| async move {
            function.post_otlp(&traces("orders", 2)).await.unwrap();
        })
        .await;
    aws.put("late", "hush");
    sandbox.shutdown().await;
    assert_eq!(backend.items(), 2, "{}", sandbox.extension_output());
}

#[tokio::test]
async fn a_secret_that_comes_too_slowly_for_a_flush_is_fetched_anew_while_the_function_runs() {
    let (backend, aws, ports) = (FakeBackend::start().await, FakeSecrets::start().await, Ports::free());
    aws.put("key", "old");
    let exporters = format!("{{{}}}", exporter("otlp_http", &backend, "key"));
    let lambda = aws.lambda(ports, &ports.config(&exporters, "otlp_http"));
    let mut sandbox = start(lambda.env("OTELCOL_LAMBDA_FLUSH_TIMEOUT", "100ms")).await;
    aws.put("key", "new");
    aws.delay(Duration::from_secs(2));
    backend.behave(Behaviour::Refuse { http: 401, grpc: 16, retry_after: None }).await;
    let is_new = || backend.requests().iter().any(|request| request.headers["x-key"] == "new");
    sandbox
        .invoke(|function| async move {
            function.post_otlp(&traces("orders", 2)).await.unwrap();
        })
        .await;
    assert!(!is_new());
    // It is asked for again after a second.
    for _ in 0..10 {
        if is_new() {
            return;
        }
        sandbox.invoke(|_| tokio::time::sleep(Duration::from_secs(3))).await;
    }
    panic!("{}", sandbox.extension_output());
}
