//! The listener of the Telemetry API against connections as no platform makes them.

use simulator::{FakeBackend, free_port};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::stage::start;
use crate::telemetry::{lambda, text};

/// A delivery of one line, as HTTP.
fn delivery(line: &str) -> String {
    let body = format!(r#"[{{"time":"2026-01-01T00:00:01.000Z","type":"function","record":"{line}"}}]"#);
    format!("POST / HTTP/1.1\r\nhost: sandbox\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

async fn answer(stream: &mut TcpStream) -> String {
    let mut answer = [0; 1024];
    let length = stream.read(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

#[tokio::test]
async fn the_listener_bears_slow_cut_kept_and_strange_connections() {
    let backend = FakeBackend::start().await;
    let port = free_port().unwrap();
    let mut sandbox = start(lambda(&backend, &format!("{{types: [function], port: {port}}}"))).await;
    let connect = async || TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let posts = async {
        let mut slow = connect().await;
        for byte in delivery("slow").as_bytes().chunks(7) {
            slow.write_all(byte).await.unwrap();
            tokio::task::yield_now().await;
        }
        assert!(answer(&mut slow).await.starts_with("HTTP/1.1 200"));
        slow.write_all(delivery("kept").as_bytes()).await.unwrap();
        assert!(answer(&mut slow).await.starts_with("HTTP/1.1 200"), "the same connection again");
        let cut = delivery("cut, then whole");
        connect().await.write_all(&cut.as_bytes()[..cut.len() - 5]).await.unwrap();
        let mut whole = connect().await;
        whole.write_all(cut.as_bytes()).await.unwrap();
        assert!(answer(&mut whole).await.starts_with("HTTP/1.1 200"));
        let mut other = connect().await;
        other.write_all(b"GET / HTTP/1.1\r\nhost: sandbox\r\n\r\n").await.unwrap();
        assert!(answer(&mut other).await.starts_with("HTTP/1.1 405"));
        let cut = delivery("cut for ever");
        connect().await.write_all(&cut.as_bytes()[..cut.len() - 3]).await.unwrap();
    };
    sandbox.invoke(|_| posts).await;
    assert_eq!(sandbox.shutdown().await.extensions[0].code, Some(0));
    let mut found: Vec<_> = backend.logs().iter().map(|record| text(record).to_owned()).collect();
    found.sort_unstable();
    assert_eq!(found, ["\"cut for ever", "cut, then whole", "kept", "slow"]);
}
