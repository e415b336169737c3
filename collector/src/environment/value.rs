//! The value of a variable: characters that mean themselves, and `${...}` that are carried on as they stand.

use config::Env;
use percent_encoding::percent_decode_str;

/// Keys, and the value of each.
pub type Pairs = Vec<(String, Value)>;

/// A value, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Value(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// `${...}`
    Reference(String),
}

impl Value {
    /// Takes what was written apart. A `$` before anything but `{` is a `$`, for passwords hold some; `$${` means `${`,
    /// as it does in a file.
    pub fn of(written: &str) -> Value {
        let (mut value, mut rest) = (Value::default(), written);
        while let Some(at) = rest.find("${") {
            let before = rest[..=at].trim_end_matches('$');
            let dollars = at + 1 - before.len();
            value.push_text(before);
            value.push_text(&"$".repeat(dollars / 2));
            if dollars % 2 == 1 {
                let reference = reference(&rest[at..]);
                value.0.push(Piece::Reference(reference.to_owned()));
                rest = &rest[at + reference.len()..];
            } else {
                value.push_text("{");
                rest = &rest[at + 2..];
            }
        }
        value.push_text(rest);
        value
    }

    /// One in which nothing is a reference.
    pub fn text(text: &str) -> Value {
        let mut value = Value::default();
        value.push_text(text);
        value
    }

    fn push_text(&mut self, text: &str) {
        match self.0.last_mut() {
            _ if text.is_empty() => {}
            Some(Piece::Text(before)) => before.push_str(text),
            _ => self.0.push(Piece::Text(text.to_owned())),
        }
    }

    /// Whether it is one reference and nothing else.
    pub fn is_reference(&self) -> bool {
        matches!(self.0[..], [Piece::Reference(_)])
    }

    /// What it stands for, unless that must be fetched first.
    pub fn at_hand(&self, env: &Env) -> Option<String> {
        config::at_hand(&self.escaped(), env)
    }

    /// With these characters at its end.
    pub fn and(mut self, end: &str) -> Value {
        self.push_text(end);
        self
    }

    /// As the value of a key in a YAML file.
    pub fn to_yaml(&self) -> String {
        config::quoted(&self.escaped())
    }

    /// With `$$` for each `$` that begins no reference.
    fn escaped(&self) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.replace('$', "$$"),
            Piece::Reference(reference) => reference.clone(),
        };
        self.0.iter().map(piece).collect()
    }

    /// The pairs of `key=value,key=value`, and the numbers (from 1) of those that are none. What `decoded`, is
    /// percent-decoded as OpenTelemetry does it; what references stand for never is, nor is it split.
    pub fn pairs(&self, decoded: bool) -> (Pairs, Vec<usize>) {
        let (mut pairs, mut wrong) = (Vec::new(), Vec::new());
        for (i, entry) in self.entries().into_iter().enumerate() {
            if entry.0.is_empty() {
                continue;
            }
            match entry.pair(decoded) {
                Some((key, value)) => {
                    pairs.retain(|(before, _)| *before != key);
                    pairs.push((key, value));
                }
                None => wrong.push(i + 1),
            }
        }
        (pairs, wrong)
    }

    /// What stands between commas.
    fn entries(&self) -> Vec<Value> {
        let mut entries = vec![Value::default()];
        for piece in &self.0 {
            let mut parts = match piece {
                Piece::Text(text) => text.split(',').map(Value::text).collect(),
                Piece::Reference(_) => vec![Value(vec![piece.clone()])],
            }
            .into_iter();
            if let (Some(last), Some(first)) = (entries.last_mut(), parts.next()) {
                last.0.extend(first.0);
            }
            entries.extend(parts);
        }
        entries.into_iter().map(Value::trimmed).collect()
    }

    fn trimmed(mut self) -> Value {
        if let Some(Piece::Text(text)) = self.0.first_mut() {
            *text = text.trim_start().to_owned();
        }
        if let Some(Piece::Text(text)) = self.0.last_mut() {
            *text = text.trim_end().to_owned();
        }
        self.0.retain(|piece| !matches!(piece, Piece::Text(text) if text.is_empty()));
        self
    }

    fn pair(&self, decoded: bool) -> Option<(String, Value)> {
        let [Piece::Text(text), rest @ ..] = &self.0[..] else { return None };
        let (key, value) = text.split_once('=')?;
        let decode = |text: &str| match decoded {
            true => percent_decode_str(text).decode_utf8().map(|text| text.into_owned()).ok(),
            false => Some(text.to_owned()),
        };
        let key = decode(key.trim()).filter(|key| !key.is_empty())?;
        let value = Value([Value::text(value).0.as_slice(), rest].concat()).trimmed();
        let value = value.0.into_iter().map(|piece| match piece {
            Piece::Text(text) => decode(&text).map(Piece::Text),
            reference => Some(reference),
        });
        Some((key, Value(value.collect::<Option<_>>()?)))
    }
}

/// The reference that `text` begins with: all of it if it is never closed, which whoever reads it will say.
fn reference(text: &str) -> &str {
    let (mut depth, mut at) = (0, 0);
    while let Some(next) = text[at..].find(['$', '}']) {
        at += next;
        if text[at..].starts_with("${") {
            depth += 1;
        } else if text[at..].starts_with('}') {
            depth -= 1;
        }
        at += 1;
        if depth == 0 {
            return &text[..at];
        }
    }
    text
}
