//! The W3C trace state of a span, and in it what OpenTelemetry says of sampling: `ot=rv:..;th:..`.

use super::threshold;

/// A trace state, read strictly: one that is malformed is left alone.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct TraceState<'a> {
    randomness: Option<(String, u64)>,
    threshold: Option<(String, u64)>,
    /// What else `ot` holds.
    ot: Vec<&'a str>,
    /// The other members.
    others: Vec<&'a str>,
}

/// The longest trace state, key and value of one member that are read.
const LONGEST: usize = 1024;
const LONGEST_PART: usize = 256;
/// As many members as the Collector reads, one below the 32 of W3C.
const MOST_MEMBERS: usize = 31;

impl<'a> TraceState<'a> {
    /// Reads a trace state; nothing if it is malformed.
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut state = TraceState::default();
        if text.len() > LONGEST {
            return None;
        }
        let members = text.strip_suffix(',').unwrap_or(text).split(',');
        for (i, member) in members.map(|member| member.trim_matches([' ', '\t'])).enumerate() {
            if i >= MOST_MEMBERS {
                return None;
            }
            if member.is_empty() {
                continue;
            }
            let (key, value) = member.split_once('=')?;
            if !is_key(key) || !is_value(value) {
                return None;
            }
            if key == "ot" {
                state.read_ot(value)?;
            } else {
                state.others.push(member);
            }
        }
        Some(state)
    }

    fn read_ot(&mut self, value: &'a str) -> Option<()> {
        (self.randomness, self.threshold, self.ot) = Default::default();
        for member in value.split(';') {
            let (key, value) = member.split_once(':')?;
            let is_alnum = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
            if !key.starts_with(|c: char| c.is_ascii_lowercase())
                || !key.bytes().all(is_alnum)
                || !value.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
            {
                return None;
            }
            match key {
                "rv" => self.randomness = Some((value.into(), threshold::randomness_from_text(value)?)),
                "th" => self.threshold = Some((value.into(), threshold::from_text(value)?)),
                _ => self.ot.push(member),
            }
        }
        Some(())
    }

    /// The randomness that was given to the trace.
    pub fn randomness(&self) -> Option<u64> {
        Some(self.randomness.as_ref()?.1)
    }

    /// The threshold that it has been sampled by.
    pub fn threshold(&self) -> Option<u64> {
        Some(self.threshold.as_ref()?.1)
    }

    /// Sets the randomness.
    pub fn set_randomness(&mut self, randomness: u64) {
        self.randomness = Some((threshold::randomness_to_text(randomness), randomness));
    }

    /// Sets the threshold.
    pub fn set_threshold(&mut self, threshold: u64) {
        self.threshold = Some((threshold::to_text(threshold), threshold));
    }

    /// The text again, with `ot` in front.
    pub fn to_text(&self) -> String {
        let named = |name: &str, field: &Option<(String, u64)>| {
            field.as_ref().map(|(text, _)| format!("{name}:{text}"))
        };
        let own = [named("rv", &self.randomness), named("th", &self.threshold)].into_iter().flatten();
        let ot: Vec<String> = own.chain(self.ot.iter().map(|&member| member.into())).collect();
        let ot = (!ot.is_empty()).then(|| format!("ot={}", ot.join(";")));
        let members: Vec<String> =
            ot.into_iter().chain(self.others.iter().map(|&member| member.into())).collect();
        members.join(",")
    }
}

/// `name`, or `tenant@system`.
fn is_key(key: &str) -> bool {
    let rest = |text: &str| {
        text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-*/".contains(&b))
    };
    let is_name = |name: &str| name.starts_with(|c: char| c.is_ascii_lowercase()) && rest(name);
    let fits = match key.split_once('@') {
        None => is_name(key),
        Some((tenant, system)) => {
            !tenant.is_empty()
                && is_tenant_start(tenant)
                && rest(tenant)
                && is_name(system)
                && tenant.len() <= 241
                && system.len() <= 14
        }
    };
    fits && key.len() <= LONGEST_PART
}

fn is_tenant_start(tenant: &str) -> bool {
    tenant.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
}

fn is_value(value: &str) -> bool {
    (1..=LONGEST_PART).contains(&value.len())
        && !value.ends_with(' ')
        && value.bytes().all(|b| (0x20..=0x7e).contains(&b) && b != b',' && b != b'=')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_written_again() {
        for (text, again) in [
            ("", ""),
            ("a=b", "a=b"),
            (" a=b ,, ot=th:8 ", "ot=th:8,a=b"),
            ("v@s=x y,ot=x:1;th:80;rv:0123456789abcd", "ot=rv:0123456789abcd;th:80;x:1,v@s=x y"),
            ("ot=th:8,ot=x:", "ot=x:"),
        ] {
            assert_eq!(
                TraceState::parse(text).map(|state| state.to_text()).as_deref(),
                Some(again),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_malformed_is_not_read() {
        let (many, long) = ("a=b,".repeat(32), format!("a={}", "x".repeat(257)));
        for text in [
            "a", "=b", "A=b", "a=", "a=b=c", "a=é", "ot=", "ot=th", "ot=th:", "ot=th:g", "ot=rv:1",
            "ot=th:8;", "ot=;th:8", "ot=1a:8", "ot=a:b c", "@s=1", "a@=1", "a@1=1", &many, &long,
        ] {
            assert_eq!(TraceState::parse(text), None, "{text}");
        }
    }
}
