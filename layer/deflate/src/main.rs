//! Compresses standard input to standard output, as raw DEFLATE and as small as it gets: for `layer/pack.py`.

use std::io::{Read, Write, stdin, stdout};

fn main() -> std::io::Result<()> {
    let mut content = Vec::new();
    stdin().read_to_end(&mut content)?;
    let mut compressed = Vec::new();
    zopfli::compress(zopfli::Options::default(), zopfli::Format::Deflate, &content[..], &mut compressed)?;
    stdout().write_all(&compressed)
}
