//! What clients are told: OTLP's success and `google.rpc.Status`, in the encoding of the request.

use bytes::Bytes;
use prost::Message;

use super::intake::Format;

/// How long a client is asked to wait when there is no memory left, in seconds: the next flush makes room.
pub(super) const RETRY_AFTER: u32 = 1;

/// `google.rpc.Code` of what the client did wrong.
pub(super) const INVALID_ARGUMENT: i32 = 3;
/// `google.rpc.Code` of what may work later.
pub(super) const UNAVAILABLE: i32 = 14;

/// `google.rpc.Status`: <https://github.com/googleapis/googleapis/blob/master/google/rpc/status.proto>.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Status {
    #[prost(int32, tag = 1)]
    pub code: i32,
    #[prost(string, tag = 2)]
    pub message: String,
    #[prost(message, repeated, tag = 3)]
    pub details: Vec<Any>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Any {
    #[prost(string, tag = 1)]
    pub type_url: String,
    #[prost(bytes = "vec", tag = 2)]
    pub value: Vec<u8>,
}

/// `google.rpc.RetryInfo`: <https://github.com/googleapis/googleapis/blob/master/google/rpc/error_details.proto>.
#[derive(Clone, PartialEq, Message)]
pub(super) struct RetryInfo {
    #[prost(message, optional, tag = 1)]
    pub retry_delay: Option<Seconds>,
}

/// `google.protobuf.Duration`, in whole seconds.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Seconds {
    #[prost(int64, tag = 1)]
    pub seconds: i64,
}

impl Status {
    /// A status without details.
    pub fn new(code: i32, message: impl Into<String>) -> Self {
        Status { code, message: message.into(), details: Vec::new() }
    }

    /// With the wish that the client wait so many seconds.
    pub fn retry_after(mut self, seconds: u32) -> Self {
        let info = RetryInfo { retry_delay: Some(Seconds { seconds: seconds.into() }) };
        self.details.push(Any {
            type_url: "type.googleapis.com/google.rpc.RetryInfo".into(),
            value: info.encode_to_vec(),
        });
        self
    }

    /// As the body of an HTTP response.
    pub fn body(&self, format: Format) -> Bytes {
        match format {
            Format::Protobuf => self.encode_to_vec().into(),
            Format::Json => {
                serde_json::json!({"code": self.code, "message": self.message}).to_string().into()
            }
        }
    }
}

impl Format {
    /// The media type of requests and responses.
    pub fn media_type(self) -> &'static str {
        match self {
            Format::Protobuf => "application/x-protobuf",
            Format::Json => "application/json",
        }
    }

    /// An export response that says that all was taken: the same bytes for every signal, whose responses all have
    /// `partial_success` as their field 1.
    pub fn success(self) -> Bytes {
        Bytes::from_static(match self {
            Format::Protobuf => b"\x0a\x00",
            Format::Json => br#"{"partialSuccess":{}}"#,
        })
    }
}
