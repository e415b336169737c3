//! The editors: from their arguments to what they do.

use regex_lite::Regex;

use super::expression::Expression;
use super::statement::{Edit, Part, Strategy};
use super::target::Place;
use super::value::Value;
use crate::pattern;

/// Every editor with how many arguments it takes behind the first, which is where it writes.
pub const EDITORS: [(&str, usize); 12] = [
    ("set", 1),
    ("delete_key", 1),
    ("delete_matching_keys", 1),
    ("keep_keys", 1),
    ("keep_matching_keys", 1),
    ("replace_match", 2),
    ("replace_all_matches", 2),
    ("replace_pattern", 2),
    ("replace_all_patterns", 3),
    ("truncate_all", 1),
    ("limit", 2),
    ("merge_maps", 2),
];

/// What the editor called `name` does at `place`.
///
/// # Errors
/// Arguments that are none of its.
pub fn edit(name: &str, place: Place, arguments: Vec<Expression>) -> Result<Edit, String> {
    let count = arguments.len();
    let mut rest = arguments.into_iter();
    let mut next = || rest.next().ok_or_else(|| format!("{name} takes more than {} arguments", count + 1));
    if !matches!(name, "set" | "replace_match" | "replace_pattern")
        && place.keys.is_empty()
        && !matches!(place.name, "attributes" | "body")
    {
        return Err(format!("{name} is for maps, and {} is none", place.name));
    }
    Ok(match name {
        "set" => Edit::Set(place, next()?),
        "delete_key" => Edit::DeleteKey(place, next()?),
        "delete_matching_keys" => Edit::DeleteMatchingKeys(place, regex(&next()?)?),
        "keep_keys" => Edit::KeepKeys(place, next()?),
        "keep_matching_keys" => Edit::KeepMatchingKeys(place, regex(&next()?)?),
        "replace_match" => Edit::ReplaceMatch(place, glob(&next()?)?, next()?),
        "replace_all_matches" => Edit::ReplaceAllMatches(place, glob(&next()?)?, next()?),
        "replace_pattern" => Edit::ReplacePattern(place, regex(&next()?)?, next()?),
        "replace_all_patterns" => {
            let part = match literal(&next()?)? {
                "key" => Part::Keys,
                "value" => Part::Values,
                other => return Err(format!("found {other}; valid are key and value")),
            };
            Edit::ReplaceAllPatterns(place, part, regex(&next()?)?, next()?)
        }
        "truncate_all" => Edit::TruncateAll(place, size(&next()?)?),
        "limit" => {
            let limit = size(&next()?)?;
            let first: Vec<String> = match next()? {
                Expression::Literal(Value::List(list)) => list.iter().map(pipeline::text).collect(),
                _ => return Err("the keys that limit keeps first are a list of texts".to_owned()),
            };
            if first.len() > limit {
                return Err(format!("{} keys are to be kept first, more than {limit}", first.len()));
            }
            Edit::Limit(place, limit, first)
        }
        _ => {
            let source = next()?;
            let strategy = match literal(&next()?)? {
                "insert" => Strategy::Insert,
                "update" => Strategy::Update,
                "upsert" => Strategy::Upsert,
                other => return Err(format!("found {other}; valid are insert, update and upsert")),
            };
            Edit::MergeMaps(place, source, strategy)
        }
    })
}

fn literal(expression: &Expression) -> Result<&str, String> {
    match expression {
        Expression::Literal(Value::Text(text)) => Ok(text),
        _ => Err("a text in double quotes is expected here".to_owned()),
    }
}

fn size(expression: &Expression) -> Result<usize, String> {
    match expression {
        Expression::Literal(Value::Int(int)) => {
            usize::try_from(*int).map_err(|_| format!("found {int}; expected a number from 0 on"))
        }
        _ => Err("a whole number is expected here".to_owned()),
    }
}

fn regex(expression: &Expression) -> Result<Regex, String> {
    pattern::compile(literal(expression)?)
}

/// A pattern with `*` and `?` for the whole of a text.
fn glob(expression: &Expression) -> Result<Regex, String> {
    let glob = literal(expression)?;
    if let Some(other) = glob.chars().find(|letter| "[]{}\\!".contains(*letter)) {
        return Err(format!("found {glob}; of patterns for whole texts * and ? are known here, not {other}"));
    }
    let mut pattern = String::from("(?s)^");
    for letter in glob.chars() {
        match letter {
            '*' => pattern.push_str(".*"),
            '?' => pattern.push('.'),
            _ => pattern.push_str(&regex_lite::escape(letter.encode_utf8(&mut [0; 4]))),
        }
    }
    pattern::compile(&(pattern + "$"))
}
