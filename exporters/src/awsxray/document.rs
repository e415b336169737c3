//! One segment document: <https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html>.

use super::{Id, udp};

/// The document of one segment or subsegment, as it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its id, by which X-Ray's answers name it.
    pub id: Id,
    /// Its JSON, on one line, at most [`Document::MOST_BYTES`] long.
    pub json: String,
}

impl Document {
    /// The most bytes of one document: X-Ray takes 64 KiB, one datagram to its daemon 62 bytes less.
    pub const MOST_BYTES: usize = udp::MOST_BYTES - udp::HEADER.len();
}
