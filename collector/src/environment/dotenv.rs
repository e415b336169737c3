//! The file that `ROTEL_ENV_FILE` names: variables as `NAME=value`, one a line.

/// The variables of `text`. A `${NAME}` of one that stands before it is replaced, any other becomes `${env:NAME}`.
///
/// # Errors
/// The number of a line that is none.
pub fn variables(text: &str) -> Result<Vec<(String, String)>, usize> {
    let mut variables: Vec<(String, String)> = Vec::new();
    for (i, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.strip_prefix("export ").unwrap_or(line);
        let (name, value) = line.split_once('=').ok_or(i + 1)?;
        let value = unquoted(value.trim(), &variables).ok_or(i + 1)?;
        variables.push((name.trim().to_owned(), value));
    }
    Ok(variables)
}

/// A value as the shell would take it: `'...'` as it stands, `\` before a character that means itself, ` #` before a
/// comment. Nothing if a quote is never closed.
fn unquoted(written: &str, known: &[(String, String)]) -> Option<String> {
    let (mut value, mut quote, mut rest) = (String::new(), None, written);
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        rest = after;
        match (c, quote) {
            ('\'' | '"', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            ('#', None) if value.is_empty() || written[..written.len() - after.len() - 1].ends_with(' ') => {
                break;
            }
            ('\\', None | Some('"')) => {
                let escaped = after.chars().next()?;
                rest = &after[escaped.len_utf8()..];
                match escaped {
                    'n' if quote.is_some() => value.push('\n'),
                    // Such a one is no reference.
                    '$' if rest.starts_with('{') => value.push_str("$$"),
                    other => value.push(other),
                }
            }
            ('$', None | Some('"')) => {
                let (named, left) = name(after);
                match known.iter().rfind(|(known, _)| known == named) {
                    _ if named.is_empty() => value.push('$'),
                    Some((_, before)) => value.push_str(before),
                    None => value.push_str(&format!("${{env:{named}}}")),
                }
                rest = left;
            }
            _ => value.push(c),
        }
    }
    quote.is_none().then(|| if written.ends_with(['"', '\'']) { value } else { value.trim_end().to_owned() })
}

/// The name in `NAME` or `{NAME}` at the beginning of `text`, and what follows it. An ARN is no name.
fn name(text: &str) -> (&str, &str) {
    let inside = text.strip_prefix('{').unwrap_or(text);
    let end = inside.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inside.len());
    match inside[end..].strip_prefix('}') {
        Some(after) if inside.len() < text.len() => (&inside[..end], after),
        _ if inside.len() == text.len() && !text.starts_with(|c: char| c.is_ascii_digit()) => {
            inside.split_at(end)
        }
        _ => ("", text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(written: &str) -> Option<String> {
        let text = format!("TEAM=front end\n{written}");
        variables(&text).ok().map(|mut all| all.pop().unwrap().1)
    }

    #[test]
    fn a_value_is_what_the_shell_would_make_of_it() {
        for (written, expected) in [
            ("A=b", "b"),
            ("export A = b c  # comment", "b c"),
            ("A=", ""),
            ("A=a#b", "a#b"),
            (r#"A="Authorization=Bearer x,y=z # no comment ""#, "Authorization=Bearer x,y=z # no comment "),
            ("A='$TEAM ${TEAM}'", "$TEAM ${TEAM}"),
            ("A=<${TEAM}>", "<front end>"),
            ("A=$TEAM-1", "front end-1"),
            ("A=Bearer ${TOKEN}", "Bearer ${env:TOKEN}"),
            (r#"A="Not\${TEAM}""#, "Not$${TEAM}"),
            (r#"A="a\n\"b\"""#, "a\n\"b\""),
            ("A=k=${arn:aws:ssm:a:1:parameter/x}", "k=${arn:aws:ssm:a:1:parameter/x}"),
            ("A=5$ $$", "5$ $$"),
        ] {
            assert_eq!(value(written).as_deref(), Some(expected), "{written}");
        }
    }

    #[test]
    fn a_line_that_is_none_is_told_by_its_number() {
        assert_eq!(variables("# head\n\nA=b\nnothing"), Err(4));
        assert_eq!(variables("A=\"open"), Err(1));
    }
}
