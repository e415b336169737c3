//! The client against a platform that hangs up, or knows less.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::LocalSet;

use super::*;

/// Reads one request, and answers it if there is an answer.
async fn exchange(stream: &mut TcpStream, answer: Option<(&str, &str)>) {
    let mut request = [0; 4096];
    assert!(stream.read(&mut request).await.unwrap() > 0);
    if let Some((headers, body)) = answer {
        let answer = format!("HTTP/1.1 200 OK\r\n{headers}content-length: {}\r\n\r\n{body}", body.len());
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}

/// What an extension is told that registers and asks for the next event, while the platform does as `platform` says.
async fn next_event(platform: impl AsyncFnOnce(TcpListener)) -> Event {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let api = Api::new(&listener.local_addr().unwrap().to_string());
    let extension = async {
        let (extension, _) = api.register("otelcol-lambda", Register::Shutdown).await.unwrap();
        extension.next().await.unwrap()
    };
    let both = async { tokio::join!(extension, platform(listener)) };
    LocalSet::new().run_until(both).await.0
}

#[tokio::test]
async fn a_platform_that_hangs_up_on_a_kept_connection_is_asked_again() {
    let event = next_event(async |listener| {
        let (mut first, _) = listener.accept().await.unwrap();
        exchange(&mut first, Some(("lambda-extension-identifier: me\r\n", "{}"))).await;
        exchange(&mut first, None).await;
        drop(first);
        let (mut second, _) = listener.accept().await.unwrap();
        exchange(&mut second, Some(("", r#"{"eventType":"SHUTDOWN"}"#))).await;
    })
    .await;
    assert!(matches!(event, Event::Shutdown { .. }), "{event:?}");
}

#[tokio::test]
async fn a_connection_that_is_lost_while_the_next_event_is_waited_for_costs_nothing() {
    let event = next_event(async |listener| {
        let (mut first, _) = listener.accept().await.unwrap();
        exchange(&mut first, Some(("connection: close\r\nlambda-extension-identifier: me\r\n", "{}"))).await;
        drop(first);
        let (mut frozen, _) = listener.accept().await.unwrap();
        exchange(&mut frozen, None).await;
        drop(frozen);
        let (mut thawed, _) = listener.accept().await.unwrap();
        exchange(&mut thawed, Some(("", r#"{"eventType":"SHUTDOWN"}"#))).await;
    })
    .await;
    assert!(matches!(event, Event::Shutdown { .. }), "{event:?}");
}

#[tokio::test]
async fn a_platform_that_does_not_know_the_newest_schema_is_asked_for_the_one_before() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let api = Api::new(&listener.local_addr().unwrap().to_string());
    let platform = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        exchange(&mut stream, Some(("lambda-extension-identifier: me\r\n", "{}"))).await;
        let mut asked = Vec::new();
        for status in ["400 Bad Request", "200 OK"] {
            let mut request = [0; 4096];
            let length = stream.read(&mut request).await.unwrap();
            asked.push(String::from_utf8_lossy(&request[..length]).into_owned());
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 4\r\n\r\n\"OK\"");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        asked
    };
    let extension = async {
        let (extension, _) = api.register("otelcol-lambda", Register::InvokeAndShutdown).await.unwrap();
        extension.subscribe(&Subscription::default(), 4325).await.unwrap()
    };
    let (subscribed, asked) = LocalSet::new().run_until(async { tokio::join!(extension, platform) }).await;
    assert_eq!(subscribed, Subscribed::Yes);
    assert!(asked[0].contains(SCHEMA) && asked[1].contains(SCHEMA_BEFORE), "{asked:?}");
}
