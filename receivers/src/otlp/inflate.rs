//! Inflates compressed bodies, leasing each byte before it is written: a zip bomb stops at the limit.

use std::fmt;
use std::io::Read;

use flate2::{Decompress, FlushDecompress, Status};
use pipeline::Lease;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::intake::Refusal;

/// The largest back reference of a zstd body that is followed: RFC 9659, section 3.
const ZSTD_WINDOW: usize = 8 << 20;
/// The least room to ask for.
const LEAST: usize = 1 << 10;
/// The most that one block of a zstd body holds: RFC 8878, section 3.1.1.2.3.
const ZSTD_BLOCK: usize = 128 << 10;
/// No deflate stream shrinks its data further than this: <https://zlib.net/zlib_tech.html>.
const DEFLATE_MOST: usize = 1032;

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    /// Not at all.
    Identity,
    /// RFC 1952, one member or several.
    Gzip,
    /// RFC 1950, which HTTP calls `deflate`.
    Zlib,
    /// RFC 8878, one frame or several.
    Zstd,
}

impl Coding {
    /// The value of an `Accept-Encoding` header that lists them all.
    pub const HTTP: &'static str = "gzip, deflate, zstd, identity";
    /// The same of `grpc-accept-encoding`.
    pub const GRPC: &'static str = "gzip,zstd,identity";

    /// What a `Content-Encoding` header calls `name`.
    pub fn of_http(name: &str) -> Option<Coding> {
        let codings = [
            ("", Coding::Identity),
            ("identity", Coding::Identity),
            ("gzip", Coding::Gzip),
            ("x-gzip", Coding::Gzip),
            ("deflate", Coding::Zlib),
            ("zlib", Coding::Zlib),
            ("zstd", Coding::Zstd),
        ];
        Some(codings.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?.1)
    }

    /// What a `grpc-encoding` header calls `name`.
    pub fn of_grpc(name: &str) -> Option<Coding> {
        let codings = [
            ("", Coding::Identity),
            ("identity", Coding::Identity),
            ("gzip", Coding::Gzip),
            ("zstd", Coding::Zstd),
        ];
        Some(codings.into_iter().find(|(known, _)| *known == name)?.1)
    }

    /// Inflates `packed` to at most `limit` bytes, growing `lease` by what is allocated for them.
    pub fn inflate(self, packed: Vec<u8>, limit: usize, lease: &mut Lease) -> Result<Vec<u8>, Refusal> {
        // What is asked for in advance, and one byte more, must fit at best.
        let limit = limit.min(lease.room_at_best().saturating_sub(1));
        let mut room = Room { out: Vec::new(), limit, lease };
        match self {
            Coding::Identity => return Ok(packed),
            Coding::Gzip => gunzip(&packed, &mut room)?,
            Coding::Zlib => {
                room.make(packed.len().saturating_mul(4))?;
                deflated(&packed, Decompress::new(true), &mut room)?;
            }
            Coding::Zstd => unzstd(&packed, &mut room)?,
        }
        Ok(room.out)
    }
}

/// Where the data goes: leased before it is allocated, and never more than the limit.
struct Room<'a> {
    out: Vec<u8>,
    limit: usize,
    lease: &'a mut Lease,
}

impl Room<'_> {
    /// Makes room for so many bytes, or up to the limit and one more, which tells that it was exceeded.
    fn make(&mut self, more: usize) -> Result<(), Refusal> {
        if self.out.len() > self.limit {
            return Err(Refusal::TooLarge { limit: self.limit });
        }
        let wanted = self.out.len().saturating_add(more).min(self.limit.saturating_add(1));
        if let Some(added) = wanted.checked_sub(self.out.capacity()) {
            self.lease.grow(added)?;
            self.out.reserve_exact(wanted - self.out.len());
        }
        Ok(())
    }
}

fn gunzip(packed: &[u8], room: &mut Room<'_>) -> Result<(), Refusal> {
    // The last four bytes are the size, modulo 4 GiB (RFC 1952, section 2.3.1): a hint, since they may lie.
    let size = packed.last_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes) as usize);
    // One more, so that the end is seen without asking for room again.
    room.make(size.min(packed.len().saturating_mul(DEFLATE_MOST)) + 1)?;
    let mut rest = packed;
    loop {
        rest = &rest[deflated(rest, Decompress::new_gzip(15), room)?..];
        if rest.is_empty() {
            return Ok(());
        }
    }
}

/// Inflates one stream, and says how long it was.
fn deflated(packed: &[u8], mut stream: Decompress, room: &mut Room<'_>) -> Result<usize, Refusal> {
    loop {
        let read = stream.total_in() as usize;
        let (before, full) = (room.out.len(), room.out.len() == room.out.capacity());
        let status = stream.decompress_vec(&packed[read..], &mut room.out, FlushDecompress::None);
        let status =
            status.map_err(|error| Refusal::Malformed(format!("can't inflate the body: {error}")))?;
        let read = stream.total_in() as usize;
        match status {
            Status::StreamEnd if room.out.len() > room.limit => {
                return Err(Refusal::TooLarge { limit: room.limit });
            }
            Status::StreamEnd => return Ok(read),
            _ if room.out.len() == room.out.capacity() => {
                room.make(room.out.len().max(packed.len()).max(LEAST))?
            }
            _ if read == packed.len() && before == room.out.len() && !full => {
                return Err(Refusal::Malformed("can't inflate the body: it ends too early".into()));
            }
            _ => {}
        }
    }
}

fn unzstd(packed: &[u8], room: &mut Room<'_>) -> Result<(), Refusal> {
    let bad = |error: &dyn fmt::Display| Refusal::Malformed(format!("can't inflate the body: {error}"));
    let mut rest = packed;
    while !rest.is_empty() {
        let mut frame = FrameDecoder::new();
        frame.set_max_window_size(ZSTD_WINDOW as u64);
        match frame.init(&mut rest) {
            Ok(()) => {}
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length, ..
            })) => {
                rest = rest.get(length as usize..).ok_or_else(|| bad(&"it ends too early"))?;
                continue;
            }
            Err(error) => return Err(bad(&error)),
        }
        // The decoder keeps what back references may reach.
        let mut kept = 0;
        while !(frame.is_finished() && frame.can_collect() == 0) {
            if frame.can_collect() == 0 {
                if kept < ZSTD_WINDOW {
                    room.lease.grow(ZSTD_BLOCK)?;
                    kept += ZSTD_BLOCK;
                }
                frame.decode_blocks(&mut rest, BlockDecodingStrategy::UptoBlocks(1)).map_err(|e| bad(&e))?;
                continue;
            }
            let start = room.out.len();
            if start + frame.can_collect() > room.out.capacity() {
                room.make(frame.can_collect().max(start).max(packed.len()))?;
            }
            room.out.resize(room.out.capacity().min(start + frame.can_collect()), 0);
            let read = frame.read(&mut room.out[start..]).map_err(|error| bad(&error))?;
            room.out.truncate(start + read);
        }
        let (said, is) = (frame.get_checksum_from_data(), frame.get_calculated_checksum());
        if said.is_some() && said != is {
            return Err(bad(&"its checksum is wrong"));
        }
    }
    if room.out.len() > room.limit { Err(Refusal::TooLarge { limit: room.limit }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use pipeline::Budget;

    use super::*;

    #[test]
    fn a_limit_may_be_the_largest_number_there_is() {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(&[7; 5000]).unwrap();
        let mut lease = Budget::new(1 << 20).lease(0).unwrap();
        let inflated = Coding::Gzip.inflate(gzip.finish().unwrap(), usize::MAX, &mut lease);
        assert_eq!(inflated.unwrap(), [7; 5000]);
    }
}
