//! A gRPC client that can send anything.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use serde_json::{Value, json};

use super::cases::{body, export_response};

/// Makes the call of a case and says what came back.
pub async fn call(address: SocketAddr, request: &Value) -> Value {
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let (client, mut connection) = h2::client::handshake(stream).await.unwrap();
    if let Some(pings) = request["pings"].as_u64() {
        let mut pinger = connection.ping_pong().unwrap();
        let connection = tokio::task::spawn_local(connection);
        for _ in 0..pings {
            pinger.ping(h2::Ping::opaque()).await.unwrap();
        }
        connection.abort();
        return json!({"pongs": pings});
    }
    let connection = tokio::task::spawn_local(connection);
    let answer = unary(client, request).await;
    connection.abort();
    answer
}

async fn unary(client: h2::client::SendRequest<Bytes>, request: &Value) -> Value {
    let path = format!("http://localhost{}", request["method"].as_str().unwrap());
    let verb: Method = request["verb"].as_str().unwrap_or("POST").parse().unwrap();
    let mut head = Request::builder().method(verb).uri(path);
    if request.get("te").is_none_or(|te| !te.is_null()) {
        head = head.header("te", request["te"].as_str().unwrap_or("trailers"));
    }
    if request.get("content_type").is_none_or(|it| !it.is_null()) {
        head = head.header("content-type", request["content_type"].as_str().unwrap_or("application/grpc"));
    }
    if let Some(encoding) = request["encoding"].as_str() {
        head = head.header("grpc-encoding", encoding);
    }
    for pair in request["headers"].as_array().into_iter().flatten() {
        head = head.header(pair[0].as_str().unwrap(), pair[1].as_str().unwrap());
    }
    let mut payload = body(&request["body"]);
    if request["framed"] != false {
        let flag = request["compressed"].as_u64().unwrap_or(0) as u8;
        payload = [&[flag], &(payload.len() as u32).to_be_bytes()[..], &payload].concat();
    }
    let (response, mut sender) =
        client.ready().await.unwrap().send_request(head.body(()).unwrap(), false).unwrap();
    tokio::task::spawn_local(async move {
        // The server may answer and reset the stream before it has it all.
        let mut payload = Bytes::from(payload);
        while !payload.is_empty() {
            sender.reserve_capacity(payload.len());
            let granted = std::future::poll_fn(|cx| sender.poll_capacity(cx)).await;
            let Some(Ok(granted)) = granted else { return };
            let _ = sender.send_data(payload.split_to(granted), false);
        }
        let _ = sender.send_data(Bytes::new(), true);
    });
    let (head, mut body) = response.await.unwrap().into_parts();
    let mut data = Vec::new();
    while let Some(Ok(chunk)) = body.data().await {
        data.extend_from_slice(&chunk);
    }
    let trailers = body.trailers().await.ok().flatten();
    answer(&head, &data, trailers)
}

fn answer(head: &http::response::Parts, data: &[u8], trailers: Option<HeaderMap>) -> Value {
    let text =
        |headers: &HeaderMap, name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    let code =
        trailers.as_ref().and_then(|it| text(it, "grpc-status")).or(text(&head.headers, "grpc-status"));
    let mut answer = json!({
        "code": code.unwrap().parse::<i32>().unwrap(),
        "http_status": head.status.as_u16(),
        "content_type": text(&head.headers, "content-type"),
    });
    if let Some(details) = text(&head.headers, "grpc-status-details-bin") {
        answer["details"] = json!(details);
    }
    if let Some(encoding) = text(&head.headers, "grpc-encoding") {
        answer["grpc_encoding"] = json!(encoding);
    }
    if let Some((frame, message)) = data.split_at_checked(5) {
        assert_eq!(frame[1..], (message.len() as u32).to_be_bytes());
        answer["compressed"] = json!(frame[0]);
        answer["body"] = export_response(message);
    }
    answer
}
