//! The words of OTTL.

use super::Comparison;

/// A word, as <https://github.com/open-telemetry/opentelemetry-collector-contrib/blob/main/pkg/ottl/LANGUAGE.md>
/// has them.
#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    /// `0x1f`
    Bytes(Vec<u8>),
    Float(f64),
    Int(i64),
    Text(String),
    /// A name: of a path, a function, an enum or a keyword.
    Name(String),
    Comparison(Comparison),
    /// A bracket, a comma, a dot or an operator of arithmetic.
    Mark(char),
}

/// Takes `text` apart.
///
/// # Errors
/// What in it is no word.
pub fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            '"' => quoted(rest)?,
            '0'..='9' => number(rest)?,
            '.' if rest[1..].starts_with(|next: char| next.is_ascii_digit()) => number(rest)?,
            'a'..='z' | 'A'..='Z' => {
                let name = run(rest, |next| next.is_ascii_alphanumeric() || next == '_');
                (Token::Name(name.to_owned()), name.len())
            }
            '=' | '!' | '<' | '>' if comparison(rest).is_some() => {
                let (comparison, length) = comparison(rest).unwrap_or((Comparison::Equal, 2));
                (Token::Comparison(comparison), length)
            }
            '(' | ')' | '[' | ']' | '{' | '}' | ',' | '.' | ':' | '=' | '+' | '-' | '*' | '/' => {
                (Token::Mark(first), 1)
            }
            '\'' => return Err("a text stands in double quotes: \"...\"".to_owned()),
            _ => return Err(format!("{first} has no meaning outside a text in double quotes")),
        };
        tokens.push(token);
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

fn run(text: &str, belongs: impl Fn(char) -> bool) -> &str {
    text.split_once(|next| !belongs(next)).map_or(text, |(run, _)| run)
}

fn comparison(text: &str) -> Option<(Comparison, usize)> {
    let signs = [
        ("==", Comparison::Equal),
        ("!=", Comparison::NotEqual),
        (">=", Comparison::GreaterEqual),
        ("<=", Comparison::LessEqual),
        (">", Comparison::Greater),
        ("<", Comparison::Less),
    ];
    signs.into_iter().find(|(sign, _)| text.starts_with(sign)).map(|(sign, it)| (it, sign.len()))
}

fn number(text: &str) -> Result<(Token, usize), String> {
    if let Some(hex) = text.strip_prefix("0x") {
        let hex = run(hex, |next| next.is_ascii_hexdigit());
        let pairs = hex.as_bytes().chunks(2).map(|pair| {
            let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2);
            pair.and_then(|pair| u8::from_str_radix(pair, 16).ok())
        });
        let bytes: Option<Vec<u8>> = pairs.collect();
        let bytes = bytes.filter(|bytes| !bytes.is_empty());
        let bytes = bytes.ok_or("after 0x stands an even number of hexadecimal digits")?;
        return Ok((Token::Bytes(bytes), 2 + hex.len()));
    }
    let whole = run(text, |next| next.is_ascii_digit()).len();
    let mut length = whole;
    if text[length..].starts_with('.') {
        length += 1;
        length += run(&text[length..], |next| next.is_ascii_digit()).len();
        let exponent =
            text[length..].strip_prefix(['e', 'E']).map(|it| it.strip_prefix(['+', '-']).unwrap_or(it));
        if let Some(digits) =
            exponent.map(|it| run(it, |next| next.is_ascii_digit())).filter(|it| !it.is_empty())
        {
            // From the `e` to the end of the digits.
            length = digits.as_ptr() as usize - text.as_ptr() as usize + digits.len();
        }
    }
    let digits = &text[..length];
    let token = match length == whole {
        true => {
            digits.parse().map(Token::Int).map_err(|_| format!("{digits} is too large for a whole number"))?
        }
        false => digits.parse().map(Token::Float).map_err(|_| format!("{digits} is no number"))?,
    };
    Ok((token, length))
}

/// A text in quotes, with Go's escapes.
fn quoted(text: &str) -> Result<(Token, usize), String> {
    let mut unquoted = Vec::new();
    let mut rest = &text[1..];
    loop {
        let plain = run(rest, |next| next != '"' && next != '\\');
        unquoted.extend_from_slice(plain.as_bytes());
        rest = &rest[plain.len()..];
        if let Some(after) = rest.strip_prefix('"') {
            let unquoted = String::from_utf8(unquoted).map_err(|_| "a text that is no UTF-8".to_owned())?;
            return Ok((Token::Text(unquoted), text.len() - after.len()));
        }
        let Some(escaped) = rest.strip_prefix('\\').filter(|escaped| !escaped.is_empty()) else {
            return Err("a \" is never closed".to_owned());
        };
        rest = escape(escaped, &mut unquoted)?;
    }
}

/// Appends what `\` before `text` stands for; returns what follows.
fn escape<'a>(text: &'a str, unquoted: &mut Vec<u8>) -> Result<&'a str, String> {
    let kind = text.chars().next().unwrap_or_default();
    let after = &text[kind.len_utf8()..];
    let simple = match kind {
        'a' => 7,
        'b' => 8,
        'f' => 12,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 11,
        '\\' | '"' => kind as u8,
        _ => 0,
    };
    if simple != 0 {
        unquoted.push(simple);
        return Ok(after);
    }
    let (digits, radix) = match kind {
        'x' => (2, 16),
        'u' => (4, 16),
        'U' => (8, 16),
        '0'..='7' => (3, 8),
        _ => {
            return Err(format!(
                "\\{kind} has no meaning in a text; for the backslash itself write \\\\{kind}"
            ));
        }
    };
    let from = if radix == 8 { text } else { after };
    let code = from.get(..digits).and_then(|code| u32::from_str_radix(code, radix).ok());
    let code = code.ok_or_else(|| format!("after \\{kind} stand {digits} digits"))?;
    match (kind, u8::try_from(code)) {
        ('u' | 'U', _) => {
            let letter = char::from_u32(code).ok_or_else(|| format!("{code:x} is no character"))?;
            unquoted.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
        }
        (_, Ok(byte)) => unquoted.push(byte),
        _ => return Err(format!("\\{} is no byte", &from[..digits])),
    }
    Ok(&from[digits..])
}
