//! Compression of requests, and its reverse for answers.

use std::cell::RefCell;
use std::io::Read;

use bytes::Bytes;
use flate2::{Compress, FlushCompress, read};
use ruzstd::decoding::StreamingDecoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use serde::Deserialize;
use tokio::task::yield_now;

use crate::findings::Findings;

/// The level of gzip, zlib and deflate where none is asked for. The function owns the CPU, so the cheapest: a
/// span of 385 bytes in requests of 100 costs 0.63 us and shrinks to 18.5 %; at level 2 it is 1.7 us and 15.8
/// %, at level 6, the Go Collector's, 3.9 us and 14.8 % (zlib-rs 0.6 on x86-64).
const DEFAULT_LEVEL: u32 = 1;

/// Input that is compressed at a stretch. Receivers share the thread and must answer the function in between.
const STRETCH: usize = 128 * 1024;

/// The window of deflate, as a power of two: its largest.
const WINDOW_BITS: u8 = 15;

/// How requests are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    /// Not at all.
    None,
    /// gzip of a level from 1 to 9.
    Gzip(u32),
    /// zlib of a level from 1 to 9. `deflate` is the same: in HTTP it means zlib's form.
    Zlib(u32, &'static str),
    /// zstd, at the one level that the encoder has. It takes four times gzip's CPU and saves no bytes over
    /// it: for servers that want it.
    Zstd,
}

/// `compression_params`: how hard a request is compressed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Params {
    /// 1 (fast) to 9 (small), for gzip and zlib; 0 and -1 are the default, -2 is 1.
    level: i64,
}

impl Compression {
    /// The compression of that name in a configuration.
    ///
    /// Those that few servers know become gzip, which every OTLP server must take: the same data arrives, and
    /// their code does not ride along in everyone's binary.
    pub fn read(name: &str, params: &Params, findings: &mut Findings) -> Compression {
        let level = |findings: &mut Findings| match params.level {
            0 | -1 => DEFAULT_LEVEL,
            // Huffman codes alone: the least work, as level 1 is here.
            -2 => 1,
            1..=9 => params.level.unsigned_abs() as u32,
            other => findings
                .mistake("compression_params.level", format!("{other}: levels of {name} go from 1 to 9"))
                .unwrap_or(DEFAULT_LEVEL),
        };
        match name {
            "" | "none" => Compression::None,
            "gzip" => Compression::Gzip(level(findings)),
            "zlib" => Compression::Zlib(level(findings), "zlib"),
            "deflate" => Compression::Zlib(level(findings), "deflate"),
            "zstd" => Compression::Zstd,
            "snappy" | "x-snappy-framed" | "lz4" => {
                findings.warn("compression", format!("{name} is not built in: gzip is used instead"));
                Compression::Gzip(DEFAULT_LEVEL)
            }
            other => findings
                .mistake(
                    "compression",
                    format!("`{other}` is unknown: use gzip, zstd, zlib, deflate or none"),
                )
                .unwrap_or(Compression::None),
        }
    }

    /// Its name in `Content-Encoding` and `grpc-encoding`.
    pub fn encoding(self) -> Option<&'static str> {
        match self {
            Compression::None => None,
            Compression::Gzip(_) => Some("gzip"),
            Compression::Zlib(_, name) => Some(name),
            Compression::Zstd => Some("zstd"),
        }
    }
}

/// Compresses one request after the other.
pub(crate) struct Compressor {
    /// How.
    pub compression: Compression,
    /// The last request's state, about 260 KB, for the next: to allocate and clear another takes 10 to 30 us,
    /// as long as to compress 20 spans.
    spare: RefCell<Option<Compress>>,
}

impl Compressor {
    /// A compressor; it takes no memory before the first request.
    pub fn new(compression: Compression) -> Self {
        Compressor { compression, spare: RefCell::default() }
    }

    /// The compressed form of `pieces` back to back; the pieces themselves if there is no compression.
    pub async fn compress(&self, pieces: Vec<Bytes>) -> Vec<Bytes> {
        match self.compression {
            Compression::None => pieces,
            Compression::Zstd => vec![compress_to_vec(Chain(pieces), CompressionLevel::Fastest).into()],
            Compression::Gzip(level) => {
                let state = self.spare.take();
                let new = || Compress::new_gzip(flate2::Compression::new(level), WINDOW_BITS);
                self.deflate(state.unwrap_or_else(new), pieces).await
            }
            Compression::Zlib(level, _) => {
                let state = self.spare.take();
                let new = || Compress::new(flate2::Compression::new(level), true);
                self.deflate(state.unwrap_or_else(new), pieces).await
            }
        }
    }

    async fn deflate(&self, mut state: Compress, pieces: Vec<Bytes>) -> Vec<Bytes> {
        let size: usize = pieces.iter().map(Bytes::len).sum();
        // Telemetry shrinks to a tenth or so.
        let mut into = Vec::with_capacity(size / 6 + 128);
        let mut since_pause = 0;
        for piece in &pieces {
            for stretch in piece.chunks(STRETCH) {
                if since_pause + stretch.len() > STRETCH {
                    yield_now().await;
                    since_pause = 0;
                }
                since_pause += stretch.len();
                write(&mut state, stretch, &mut into, FlushCompress::None);
            }
        }
        write(&mut state, &[], &mut into, FlushCompress::Finish);
        state.reset();
        self.spare.replace(Some(state));
        vec![into.into()]
    }
}

/// Feeds all of `from` to `state`; to its end if `flush` is `Finish`.
fn write(state: &mut Compress, mut from: &[u8], into: &mut Vec<u8>, flush: FlushCompress) {
    loop {
        if into.len() == into.capacity() {
            into.reserve(into.len().max(1024));
        }
        let before = state.total_in();
        // Deflate has no error for input: what it can report is a full buffer, which the next round mends.
        let status = state.compress_vec(from, into, flush);
        from = &from[(state.total_in() - before) as usize..];
        let done = match flush {
            FlushCompress::Finish => matches!(status, Ok(flate2::Status::StreamEnd)),
            _ => from.is_empty() && into.len() < into.capacity(),
        };
        if done {
            return;
        }
    }
}

/// What `body` was before a server compressed it, at most `most` bytes; nothing if it can't be told.
pub(crate) fn inflate(encoding: &str, body: &[u8], most: usize) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    let most = most as u64;
    match encoding {
        "gzip" => read::GzDecoder::new(body).take(most).read_to_end(&mut plain),
        "zlib" | "deflate" => read::ZlibDecoder::new(body).take(most).read_to_end(&mut plain),
        "zstd" => StreamingDecoder::new(body).ok()?.take(most).read_to_end(&mut plain),
        _ => return None,
    }
    .ok()?;
    Some(plain)
}

/// Pieces read back to back.
struct Chain(Vec<Bytes>);

impl Read for Chain {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let Some(piece) = self.0.iter_mut().find(|piece| !piece.is_empty()) else { return Ok(0) };
        let some = piece.split_to(piece.len().min(into.len()));
        into[..some.len()].copy_from_slice(&some);
        Ok(some.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces() -> Vec<Bytes> {
        let words = "a span like the one before, but its number is ";
        let text: String = (0..6_000).map(|number| format!("{words}{number};")).collect();
        let mut all = Bytes::from(text);
        vec![all.split_to(0), all.split_to(1), all.split_to(200_000), all]
    }

    async fn assert_round_trip(compressor: &Compressor, pieces: Vec<Bytes>) {
        let plain = pieces.concat();
        let compressed = compressor.compress(pieces).await.concat();
        let encoding = compressor.compression.encoding().unwrap();
        assert_eq!(
            inflate(encoding, &compressed, plain.len() + 1).as_deref(),
            Some(&plain[..]),
            "{encoding}"
        );
    }

    #[tokio::test]
    async fn every_compression_inflates_to_the_original_and_serves_again() {
        let mut kinds = vec![Compression::Zstd];
        for level in 1..=9 {
            kinds.extend([Compression::Gzip(level), Compression::Zlib(level, "deflate")]);
        }
        for kind in kinds {
            let compressor = Compressor::new(kind);
            for pieces in [pieces(), vec![], vec![Bytes::from_static(b"x")], pieces()] {
                assert_round_trip(&compressor, pieces).await;
            }
        }
    }

    #[tokio::test]
    async fn a_compression_given_up_half_way_spoils_no_later_one() {
        let compressor = Compressor::new(Compression::Gzip(1));
        assert!(futures_util::poll!(Box::pin(compressor.compress(pieces()))).is_pending());
        assert_round_trip(&compressor, pieces()).await;
    }

    #[tokio::test]
    async fn no_compression_hands_the_pieces_on_uncopied() {
        let before = pieces();
        let after = Compressor::new(Compression::None).compress(before.clone()).await;
        assert!(before.iter().zip(&after).all(|(before, after)| before.as_ptr() == after.as_ptr()));
    }

    #[test]
    fn names_and_levels_are_read_as_the_collector_does() {
        let read = |name, level| {
            let mut findings = Findings::default();
            let compression = Compression::read(name, &Params { level }, &mut findings);
            (compression, findings.mistakes.len(), findings.warnings.len())
        };
        for (name, level, expected) in [
            ("gzip", 0, (Compression::Gzip(DEFAULT_LEVEL), 0, 0)),
            ("gzip", -1, (Compression::Gzip(DEFAULT_LEVEL), 0, 0)),
            ("gzip", 9, (Compression::Gzip(9), 0, 0)),
            ("deflate", 6, (Compression::Zlib(6, "deflate"), 0, 0)),
            ("zstd", 11, (Compression::Zstd, 0, 0)),
            ("none", 99, (Compression::None, 0, 0)),
            ("", 0, (Compression::None, 0, 0)),
            ("lz4", 0, (Compression::Gzip(DEFAULT_LEVEL), 0, 1)),
            ("gzip", 99, (Compression::Gzip(DEFAULT_LEVEL), 1, 0)),
            ("lzma", 0, (Compression::None, 1, 0)),
        ] {
            assert_eq!(read(name, level), expected, "{name} {level}");
        }
    }

    #[test]
    fn an_answer_that_inflates_without_end_is_cut_off() {
        let mut bomb = Vec::new();
        let mut state = Compress::new_gzip(flate2::Compression::new(9), WINDOW_BITS);
        write(&mut state, &vec![0; 1 << 20], &mut bomb, FlushCompress::None);
        write(&mut state, &[], &mut bomb, FlushCompress::Finish);
        assert_eq!(inflate("gzip", &bomb, 1000).unwrap().len(), 1000);
    }
}
