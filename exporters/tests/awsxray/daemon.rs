//! Documents to X-Ray's daemon.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use pipeline::{Delivered, Signal};
use prost::Message;
use tokio::net::UdpSocket;

use crate::support::{admit, build, run};
use crate::xray::{document, spans};

#[test]
fn the_daemon_gets_a_datagram_for_each_document() {
    run(async {
        let daemon = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = daemon.local_addr().unwrap().to_string();
        let both = format!("tcp:127.0.0.1:9 udp:{address}");
        for (yaml, env) in [
            (format!("{{transport: udp, daemon_address: '{address}'}}"), vec![]),
            ("{transport: udp}".to_owned(), vec![("AWS_XRAY_DAEMON_ADDRESS", both.as_str())]),
        ] {
            let exporter = build("awsxray", &yaml, &env).unwrap();
            assert_eq!(exporter.export(&spans(1..3)).await.unwrap(), Delivered::All);
            for id in ["0000000000000001", "0000000000000002"] {
                let mut datagram = vec![0; 65_536];
                let length = daemon.recv(&mut datagram).await.unwrap();
                let text = std::str::from_utf8(&datagram[..length]).unwrap();
                let (header, text) = text.split_once('\n').unwrap();
                assert_eq!(header, r#"{"format":"json","version":1}"#);
                assert_eq!(document(text).unwrap()["id"], id);
            }
        }
    });
}

#[test]
fn the_longest_document_fits_a_datagram() {
    run(async {
        let daemon = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let yaml = format!("{{transport: udp, daemon_address: '{}'}}", daemon.local_addr().unwrap());
        let exporter = build("awsxray", &yaml, &[]).unwrap();
        for length in [64_000, 65_000, 65_100, 65_200, 65_300, 65_400, 65_500] {
            let mut request: ExportTraceServiceRequest = spans(1..2).decode();
            request.resource_spans[0].scope_spans[0].spans[0].trace_state = "s".repeat(length);
            let batch = admit(Signal::Traces, request.encode_to_vec().into());
            assert_eq!(exporter.export(&batch).await.unwrap(), Delivered::All, "{length}");
            let mut datagram = vec![0; 65_536];
            assert!(daemon.recv(&mut datagram).await.unwrap() <= 65_507);
        }
    });
}
