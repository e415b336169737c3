//! Bodies that are compressed.

use std::io::Read;

use bytes::Bytes;

/// Undoes a `Content-Encoding` or `grpc-encoding`.
pub(super) fn inflate(encoding: &str, body: &Bytes) -> Result<Bytes, String> {
    let mut plain = Vec::new();
    match encoding {
        "" | "identity" => return Ok(body.clone()),
        "gzip" => flate2::read::MultiGzDecoder::new(body.as_ref()).read_to_end(&mut plain),
        "zlib" | "deflate" => flate2::read::ZlibDecoder::new(body.as_ref()).read_to_end(&mut plain),
        "zstd" => match ruzstd::decoding::StreamingDecoder::new(body.as_ref()) {
            Ok(mut decoder) => decoder.read_to_end(&mut plain),
            Err(error) => return Err(error.to_string()),
        },
        other => return Err(format!("encoding {other:?} is not known")),
    }
    .map_err(|error| format!("{encoding}: {error}"))?;
    Ok(plain.into())
}
