//! The trace that an invocation belongs to, as X-Ray's header tells it.

/// A trace, and where in it one is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// The trace's id.
    pub id: [u8; 16],
    /// The span above.
    pub parent: Option<[u8; 8]>,
    /// Whether the trace is sampled; `None` if that is not decided.
    pub sampled: Option<bool>,
}

impl Trace {
    /// Reads `Root=1-67765a00-1f2e3d4c5b6a798812345678;Parent=53995c3f42cd8ad8;Sampled=1`
    /// (<https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader>). `None` if
    /// it names no trace.
    pub fn of_header(header: &str) -> Option<Trace> {
        let (mut id, mut trace) = (None, Trace::default());
        for field in header.split(';') {
            let Some((name, value)) = field.split_once('=') else { continue };
            match (name.trim(), value.trim()) {
                ("Root", value) => id = xray_id(value),
                ("Parent", value) => trace.parent = bytes(value),
                ("Sampled", "1") => trace.sampled = Some(true),
                ("Sampled", "0") => trace.sampled = Some(false),
                _ => {}
            }
        }
        id.map(|id| Trace { id, ..trace })
    }

    /// The `trace_flags` of W3C: 1 if it is sampled.
    pub fn flags(&self) -> u32 {
        u32::from(self.sampled == Some(true))
    }
}

/// Reads X-Ray's form of a trace id: `1-`, eight digits of its time, `-`, 24 digits.
pub fn xray_id(text: &str) -> Option<[u8; 16]> {
    let (time, rest) = text.strip_prefix("1-")?.split_once('-')?;
    if time.len() != 8 || rest.len() != 24 {
        return None;
    }
    bytes(&[time, rest].concat())
}

/// Reads the `N` bytes of an id written in hex; `None` if all are zero, which is no id.
pub fn bytes<const N: usize>(hex: &str) -> Option<[u8; N]> {
    let digits = hex.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    (bytes != [0; N]).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ROOT: [u8; 16] = 0x6776_5a00_1f2e_3d4c_5b6a_7988_1234_5678_u128.to_be_bytes();
    const PARENT: [u8; 8] = 0x5399_5c3f_42cd_8ad8_u64.to_be_bytes();

    #[test]
    fn a_header_names_trace_parent_and_whether_it_is_sampled() {
        let root = "Root=1-67765a00-1f2e3d4c5b6a798812345678";
        for (rest, parent, sampled) in [
            (";Parent=53995c3f42cd8ad8;Sampled=1", Some(PARENT), Some(true)),
            (";Sampled=0;Parent=53995C3F42CD8AD8;Lineage=a87bd80c:0", Some(PARENT), Some(false)),
            ("; Parent=53995c3f42cd8ad8 ; Sampled=?", Some(PARENT), None),
            (";Parent=0000000000000000;Self=1-2-3", None, None),
            ("", None, None),
        ] {
            let header = format!("{root}{rest}");
            assert_eq!(Trace::of_header(&header), Some(Trace { id: ROOT, parent, sampled }), "{header}");
        }
    }

    #[test]
    fn a_header_without_a_sound_root_names_no_trace() {
        for header in [
            "",
            "Parent=53995c3f42cd8ad8;Sampled=1",
            "Root=",
            "Root=1-67765a00",
            "Root=2-67765a00-1f2e3d4c5b6a798812345678",
            "Root=1-67765a0-01f2e3d4c5b6a798812345678",
            "Root=1-67765a00-1f2e3d4c5b6a79881234567é",
            "Root=1-00000000-000000000000000000000000",
        ] {
            assert_eq!(Trace::of_header(header), None, "{header}");
        }
    }

    proptest! {
        #[test]
        fn every_header_reads_back_as_what_was_written(id: u128, parent: u64, is_sampled: bool) {
            let hex = format!("{id:032x}");
            let (time, rest) = hex.split_at(8);
            let header = format!("Sampled={};Root=1-{time}-{rest};Parent={parent:016x}", u8::from(is_sampled));
            let parent = (parent != 0).then_some(parent.to_be_bytes());
            let trace = Trace { id: id.to_be_bytes(), parent, sampled: Some(is_sampled) };
            prop_assert_eq!(Trace::of_header(&header), (id != 0).then_some(trace));
        }

        #[test]
        fn no_header_is_too_strange(any in ".*", header in "(Root|Parent|Sampled|=|;|1|-|é|[0-9a-f]{8}){0,30}") {
            let _ = (Trace::of_header(&any), Trace::of_header(&header));
        }
    }
}
