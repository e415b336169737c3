//! One segment document: <https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html>.

use super::Id;

/// The document of one segment or subsegment, as it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its id, by which X-Ray's answers name it.
    pub id: Id,
    /// Its JSON, on one line, at most [`Document::MOST_BYTES`] long.
    pub json: String,
}

impl Document {
    /// The most bytes that X-Ray takes as one document.
    pub const MOST_BYTES: usize = 64 << 10;
}
