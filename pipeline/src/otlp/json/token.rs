//! The tokens of a JSON text.

use std::borrow::Cow;

use super::fault::Fault;

/// How deep arrays and objects that nobody looks at may be nested; the Go Collector's limit.
const SKIPPED_DEPTH: usize = 10_000;

/// What a JSON value begins like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begin {
    Object,
    Array,
    String,
    Number,
    True,
    False,
    Null,
    /// The text is over.
    End,
    /// No value begins like this.
    Other,
}

impl Begin {
    fn describe(self) -> &'static str {
        match self {
            Begin::Object => "an object",
            Begin::Array => "an array",
            Begin::String => "a string",
            Begin::Number => "a number",
            Begin::True => "true",
            Begin::False => "false",
            Begin::Null => "null",
            Begin::End => "the end",
            Begin::Other => "something that is no JSON",
        }
    }
}

/// Reads a text token by token.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Reader { text, at: 0 }
    }

    /// Where it stands, in bytes.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// What comes next, after white space.
    pub(super) fn begin(&mut self) -> Begin {
        match self.peek() {
            None => Begin::End,
            Some(b'{') => Begin::Object,
            Some(b'[') => Begin::Array,
            Some(b'"') => Begin::String,
            Some(b'-' | b'0'..=b'9') => Begin::Number,
            Some(b't') => Begin::True,
            Some(b'f') => Begin::False,
            Some(b'n') => Begin::Null,
            Some(_) => Begin::Other,
        }
    }

    fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.text.get(self.at) {
            self.at += 1;
        }
        self.text.get(self.at).copied()
    }

    /// That here should be `wanted` instead of what is.
    #[cold]
    pub(super) fn expected(&mut self, wanted: &str) -> Box<Fault> {
        let found = self.begin().describe();
        Fault::new(self.at, format!("expected {wanted}, found {found}"))
    }

    /// Takes `byte` if it comes next.
    fn take(&mut self, byte: u8) -> bool {
        let taken = self.peek() == Some(byte);
        self.at += usize::from(taken);
        taken
    }

    /// Takes `{}` if it comes next.
    pub(super) fn empty_object(&mut self) -> bool {
        let start = self.at;
        let is_empty = self.take(b'{') && self.take(b'}');
        if !is_empty {
            self.at = start;
        }
        is_empty
    }

    /// Takes `true`, `false` or `null`, which has been seen to begin.
    pub(super) fn word(&mut self, word: &str) -> Result<(), Box<Fault>> {
        if !self.text[self.at..].starts_with(word.as_bytes()) {
            return Err(Fault::new(self.at, format!("expected {word}")));
        }
        self.at += word.len();
        Ok(())
    }

    /// The key of the object's next member, its value coming next; `None` at the object's end.
    /// `first` is true at the first call for an object and is for this method to change.
    pub(super) fn key(&mut self, first: &mut bool) -> Result<Option<Cow<'a, str>>, Box<Fault>> {
        if std::mem::take(first) {
            self.at += 1; // the brace
            if self.take(b'}') {
                return Ok(None);
            }
        } else if self.take(b'}') {
            return Ok(None);
        } else if !self.take(b',') {
            return Err(self.expected("',' or '}'"));
        }
        if self.begin() != Begin::String {
            return Err(self.expected("a key in quotes"));
        }
        let key = self.string()?;
        if !self.take(b':') {
            return Err(self.expected("':' after the key"));
        }
        Ok(Some(key))
    }

    /// Whether the array has another element, which comes next then. For `first` see [`key`](Reader::key).
    pub(super) fn element(&mut self, first: &mut bool) -> Result<bool, Box<Fault>> {
        if std::mem::take(first) {
            self.at += 1; // the bracket
            return Ok(!self.take(b']'));
        }
        if self.take(b']') {
            return Ok(false);
        }
        if !self.take(b',') {
            return Err(self.expected("',' or ']'"));
        }
        Ok(true)
    }

    /// A string, whose quote comes next. What is no Unicode (bytes, lone surrogates) becomes U+FFFD, as the Go
    /// Collector does with surrogates: a log line cut inside a character is no reason to lose it.
    pub(super) fn string(&mut self) -> Result<Cow<'a, str>, Box<Fault>> {
        self.at += 1; // the quote
        let run = self.run()?;
        if self.text[self.at] == b'"' {
            self.at += 1;
            return Ok(repaired(run));
        }
        let mut string = repaired(run).into_owned();
        loop {
            self.at += 1;
            if self.text[self.at - 1] == b'"' {
                return Ok(Cow::Owned(string));
            }
            string.push(self.escaped()?);
            string.push_str(&repaired(self.run()?));
        }
    }

    /// The bytes up to the next quote or backslash, which there is.
    fn run(&mut self) -> Result<&'a [u8], Box<Fault>> {
        let rest = &self.text[self.at..];
        let length = rest.iter().position(|&byte| byte == b'"' || byte == b'\\' || byte < 0x20);
        self.at += length.unwrap_or(rest.len());
        match self.text.get(self.at) {
            None => Err(Fault::new(self.at, "the string does not end")),
            Some(..0x20) => Err(Fault::new(self.at, "control character in a string")),
            Some(_) => Ok(&rest[..length.unwrap_or(0)]),
        }
    }

    /// The character that an escape means; its backslash has been taken.
    fn escaped(&mut self) -> Result<char, Box<Fault>> {
        self.at += 1;
        Ok(match self.text.get(self.at - 1) {
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(*byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let unit = self.hex4()?;
                self.character(unit)?
            }
            _ => return Err(Fault::new(self.at - 1, "invalid escape in a string")),
        })
    }

    /// The character that begins with the UTF-16 `unit`.
    fn character(&mut self, unit: u32) -> Result<char, Box<Fault>> {
        if (0xd800..0xdc00).contains(&unit) && self.text[self.at..].starts_with(b"\\u") {
            let before = self.at;
            self.at += 2;
            let low = self.hex4()?;
            if (0xdc00..0xe000).contains(&low) {
                let scalar = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
                return Ok(char::from_u32(scalar).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = before;
        }
        Ok(char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hex4(&mut self) -> Result<u32, Box<Fault>> {
        let digits = self.text.get(self.at..self.at + 4).unwrap_or_default();
        let value =
            digits.iter().try_fold(0, |value, &digit| Some(value << 4 | char::from(digit).to_digit(16)?));
        match value {
            Some(value) if !digits.is_empty() => {
                self.at += 4;
                Ok(value)
            }
            _ => Err(Fault::new(self.at, "expected four hex digits")),
        }
    }

    /// The text of a number, whose first character comes next.
    pub(super) fn number(&mut self) -> Result<&'a str, Box<Fault>> {
        let start = self.at;
        self.at += usize::from(self.text[start] == b'-');
        let whole = self.digits()?;
        if whole > 1 && self.text[self.at - whole] == b'0' {
            return Err(Fault::new(start, "a number may not begin with zeros"));
        }
        if self.text.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.text.get(self.at) {
            self.at += 1;
            self.at += usize::from(matches!(self.text.get(self.at), Some(b'+' | b'-')));
            self.digits()?;
        }
        // Only ASCII was taken.
        Ok(std::str::from_utf8(&self.text[start..self.at]).unwrap_or_default())
    }

    fn digits(&mut self) -> Result<usize, Box<Fault>> {
        let count = self.text[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        if count == 0 {
            return Err(Fault::new(self.at, "expected a digit"));
        }
        self.at += count;
        Ok(count)
    }

    /// Skips a value of any kind. It does not recurse: what comes from outside must not use up the stack.
    pub(super) fn skip(&mut self) -> Result<(), Box<Fault>> {
        // For each array or object that is open, whether it is an object and whether its first entry is to come.
        let mut open: Vec<(bool, bool)> = Vec::new();
        loop {
            match self.begin() {
                Begin::Object => open.push((true, true)),
                Begin::Array => open.push((false, true)),
                Begin::String => drop(self.string()?),
                Begin::Number => drop(self.number()?),
                Begin::True => self.word("true")?,
                Begin::False => self.word("false")?,
                Begin::Null => self.word("null")?,
                Begin::End | Begin::Other => return Err(self.expected("a value")),
            }
            if open.len() > SKIPPED_DEPTH {
                return Err(Fault::new(self.at, "nested too deep"));
            }
            // On to the next value, out of all that ends here.
            loop {
                let Some((is_object, first)) = open.last_mut() else { return Ok(()) };
                let more = if *is_object { self.key(first)?.is_some() } else { self.element(first)? };
                if more {
                    break;
                }
                open.pop();
            }
        }
    }
}

/// `bytes` as text, with U+FFFD for what is no UTF-8. Nearly all text is; seeing that takes half the time of
/// `from_utf8_lossy`.
fn repaired(bytes: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}
