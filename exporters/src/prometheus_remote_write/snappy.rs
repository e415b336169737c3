//! Snappy's block format (<https://github.com/google/snappy/blob/main/format_description.txt>), which Remote-Write asks
//! for. Greedy matches in blocks of 64 KiB: 60 lines in the place of a dependency.

use prost::encoding::encode_varint;

/// Matches don't reach farther back, so that an offset is two bytes.
const BLOCK: usize = 1 << 16;
/// The least that is worth a reference.
const SHORTEST: usize = 4;
/// The longest of one reference.
const LONGEST: usize = 64;
const HASH_BITS: u32 = 13;

/// The compressed form of `plain`.
pub(super) fn compress(plain: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(plain.len() / 4 + 16);
    encode_varint(plain.len() as u64, &mut out);
    for block in plain.chunks(BLOCK) {
        compress_block(block, &mut out);
    }
    out
}

fn compress_block(block: &[u8], out: &mut Vec<u8>) {
    // Where four bytes of that hash were last.
    let mut seen = vec![0_u16; 1 << HASH_BITS];
    let (mut at, mut literal) = (1, 0);
    while let Some(four) = block.get(at..at + SHORTEST) {
        let number = u32::from_le_bytes([four[0], four[1], four[2], four[3]]);
        let hash = (number.wrapping_mul(0x1e35_a7bd) >> (32 - HASH_BITS)) as usize;
        let before = usize::from(std::mem::replace(&mut seen[hash], at as u16));
        if before >= at || block[before..before + SHORTEST] != *four {
            at += 1;
            continue;
        }
        let length = block[before..].iter().zip(&block[at..]).take_while(|(a, b)| a == b).count();
        push_literal(&block[literal..at], out);
        push_copies(at - before, length, out);
        at += length;
        literal = at;
    }
    push_literal(&block[literal..], out);
}

fn push_literal(bytes: &[u8], out: &mut Vec<u8>) {
    let Some(less) = bytes.len().checked_sub(1) else { return };
    match less {
        0..60 => out.push((less << 2) as u8),
        60..256 => out.extend([60 << 2, less as u8]),
        _ => out.extend([61 << 2, less as u8, (less >> 8) as u8]),
    }
    out.extend_from_slice(bytes);
}

fn push_copies(offset: usize, mut length: usize, out: &mut Vec<u8>) {
    while length > 0 {
        let now = length.min(LONGEST);
        out.extend([((now - 1) << 2) as u8 | 2, offset as u8, (offset >> 8) as u8]);
        length -= now;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads what the format's description says.
    fn decompress(mut from: &[u8]) -> Vec<u8> {
        let length = prost::encoding::decode_varint(&mut from).unwrap() as usize;
        let mut plain = Vec::new();
        while let [tag, rest @ ..] = from {
            let (kind, upper) = (tag & 3, usize::from(tag >> 2));
            if kind == 2 {
                let offset = usize::from(u16::from_le_bytes([rest[0], rest[1]]));
                for _ in 0..=upper {
                    plain.push(plain[plain.len() - offset]);
                }
                from = &rest[2..];
                continue;
            }
            assert_eq!(kind, 0);
            let (more, less) = match upper {
                60 => (1, usize::from(rest[0])),
                61 => (2, usize::from(u16::from_le_bytes([rest[0], rest[1]]))),
                less => (0, less),
            };
            plain.extend_from_slice(&rest[more..=more + less]);
            from = &rest[more + less + 1..];
        }
        assert_eq!(plain.len(), length);
        plain
    }

    #[test]
    fn what_repeats_shrinks() {
        let plain = b"__name__http_requests_total".repeat(10_000);
        let small = compress(&plain);
        assert!(small.len() < plain.len() / 15, "{}", small.len());
        assert_eq!(decompress(&small), plain);
    }

    proptest! {
        #[test]
        fn what_is_compressed_reads_back(
            bytes in prop::collection::vec(0_u8..4, 0..3000),
            times in 1_usize..40,
            random in any::<Vec<u8>>(),
        ) {
            let plain = [bytes.repeat(times), random].concat();
            prop_assert_eq!(decompress(&compress(&plain)), plain);
        }
    }
}
