//! Hosts and secrets in URLs and connection strings.

use std::borrow::Cow;
use std::net::IpAddr;

/// `url` without the user and the password in it.
pub fn without_user_info(url: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = url.split_once("://") else { return url.into() };
    let authority = rest.find(['/', '?', '#']).map_or(rest, |end| &rest[..end]);
    match authority.rfind('@') {
        Some(at) => format!("{scheme}://{}", &rest[at + 1..]).into(),
        None => url.into(),
    }
}

/// The settings of a connection string whose values are secret, in lower case and without blanks.
const SECRETS: [&str; 9] = [
    "password",
    "pwd",
    "pass",
    "passwd",
    "secret",
    "accesstoken",
    "sslpassword",
    "accountkey",
    "user:password",
];

/// `text`, a connection string in any of the usual forms, without `jdbc:` and without users' passwords.
pub fn without_password(text: &str) -> String {
    let text = text.strip_prefix("jdbc:").unwrap_or(text);
    let text = without_user_info(text);
    // `host=h;Password=p`, `host=h password=p`, `mysql://h/db?password=p&x=1`, `jdbc:oracle:thin:scott/tiger@h`.
    let mut clean = String::with_capacity(text.len());
    for piece in text.split_inclusive([';', '&', '?', ' ', ',']) {
        match piece.split_once('=') {
            Some((key, value))
                if SECRETS.contains(&key.trim().to_ascii_lowercase().replace(['_', '-'], "").as_str()) =>
            {
                let end = value.ends_with([';', '&', '?', ' ', ',']).then(|| &value[value.len() - 1..]);
                clean.push_str(key);
                clean.push_str("=***");
                clean.push_str(end.unwrap_or_default());
            }
            _ => clean.push_str(piece),
        }
    }
    match (clean.find("thin:"), clean.find('@')) {
        (Some(start), Some(at)) if start + 5 < at && clean[start + 5..at].contains('/') => {
            clean.replace_range(start + 5..at, "");
            clean
        }
        _ => clean,
    }
}

/// `host` as it stands in a URL: an IPv6 address in brackets.
pub fn bracketed(host: &str) -> Cow<'_, str> {
    match host.parse() {
        Ok(IpAddr::V6(_)) => format!("[{host}]").into(),
        _ => host.into(),
    }
}

/// The host in a URL or connection string with a scheme, as far as there is one.
pub fn host(text: &str) -> Option<&str> {
    let text = text.strip_prefix("jdbc:").unwrap_or(text);
    let (_, rest) = text.split_once("//")?;
    let authority = rest.find(['/', '?', '#', ';']).map_or(rest, |end| &rest[..end]);
    let authority = authority.rfind('@').map_or(authority, |at| &authority[at + 1..]);
    let host = match authority.strip_prefix('[') {
        Some(address) => address.split(']').next()?,
        None => authority.split([':', ',']).next()?,
    };
    Some(host).filter(|host| !host.is_empty())
}

/// The host in `text` that Go's `net/url` finds, if it takes the text for a URL at all.
pub fn host_by_go(text: &str) -> Option<String> {
    let (text, fragment) = text.split_once('#').unwrap_or((text, ""));
    if text.bytes().any(|byte| byte < b' ' || byte == 0x7f) || !escapes_are_sound(fragment) {
        return None;
    }
    let scheme = text.bytes().position(|byte| !(byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)));
    let scheme = scheme.filter(|at| text.as_bytes()[*at] == b':');
    let (scheme, rest) = match scheme {
        Some(0) => return None,
        Some(at) if text.as_bytes()[0].is_ascii_alphabetic() => (&text[..at], &text[at + 1..]),
        _ => ("", text),
    };
    let rest = rest.split('?').next()?;
    let authority = rest.strip_prefix("//").filter(|rest| !scheme.is_empty() || !rest.starts_with('/'))?;
    let (authority, path) = authority.find('/').map_or((authority, ""), |at| authority.split_at(at));
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let user_is_sound = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&byte);
    if !escapes_are_sound(path) || !escapes_are_sound(user) || !user.bytes().all(user_is_sound) {
        return None;
    }
    host_of_authority(host, &scheme.to_ascii_lowercase())
}

/// The host of `host:port` by the rules of Go.
fn host_of_authority(text: &str, scheme: &str) -> Option<String> {
    let is_port = |port: &str| port.is_empty() || port.strip_prefix(':').is_some_and(all_digits);
    if let Some(at) = text.rfind('[') {
        let (address, port) = text[at + 1..].rsplit_once(']')?;
        let (plain, zone) = address.split_once("%25").map_or((address, ""), |(plain, zone)| (plain, zone));
        let sound = at == 0 && is_port(port) && matches!(plain.parse(), Ok(IpAddr::V6(_)));
        let zone = if zone.is_empty() { String::new() } else { format!("%{zone}") };
        return (sound && (address == plain || !zone.is_empty())).then(|| format!("{plain}{zone}"));
    }
    if let Some(first) = text.find(':') {
        let last = text.rfind(':').unwrap_or(first);
        let colon = if scheme == "http" || scheme == "https" { first } else { last };
        if !is_port(&text[colon..]) {
            return None;
        }
    }
    let is_sound =
        |byte: u8| byte >= 0x80 || byte.is_ascii_alphanumeric() || b"-_.~!$&'()*+,;=:[]<>\"%".contains(&byte);
    if !text.bytes().all(is_sound) {
        return None;
    }
    let text = unescaped_host(text)?;
    let host = match text.rsplit_once(':') {
        Some((host, port)) if all_digits(port) => host,
        _ => &text,
    };
    Some(host.into()).filter(|host: &String| !host.is_empty())
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether each `%` begins an escape.
fn escapes_are_sound(text: &str) -> bool {
    text.split('%')
        .skip(1)
        .all(|after| after.as_bytes().get(..2).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)))
}

/// A host with its escapes resolved; only bytes beyond ASCII, and `%` itself, may be escaped in one.
fn unescaped_host(text: &str) -> Option<String> {
    if !escapes_are_sound(text) {
        return None;
    }
    let mut pieces = text.split('%');
    let mut bytes = pieces.next()?.as_bytes().to_vec();
    for piece in pieces {
        let byte = u8::from_str_radix(&piece[..2], 16).ok()?;
        if byte < 0x80 && byte != b'%' {
            return None;
        }
        bytes.push(byte);
        bytes.extend_from_slice(&piece.as_bytes()[2..]);
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
