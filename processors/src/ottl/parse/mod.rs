//! From text to conditions and statements.

mod value;

use super::editor::{EDITORS, edit};
use super::expression::{Condition, Expression};
use super::item::Level;
use super::path::Getter;
use super::statement::Statement;
use super::target::{Place, WRITABLE};
use super::token::{Token, tokens};
use super::value::{Key, Value};

/// How deep brackets may lie in each other.
const DEEPEST: usize = 32;
const NAMED: &str = "arguments are given in their order here, without names";

/// Reads a condition, and says what it is about. If `level` does, paths may leave that out; without it every path
/// begins with one of `levels`, and the innermost of them is it.
///
/// # Errors
/// What is wrong with it, or not known here.
pub fn parse(text: &str, level: Option<Level>, levels: &[Level]) -> Result<(Condition, Level), String> {
    parsed(text, level, levels, |parser| parser.any())
}

/// Reads a statement, as [`parse`] reads a condition.
///
/// # Errors
/// What is wrong with it, or not known here.
pub fn parse_statement(
    text: &str,
    level: Option<Level>,
    levels: &[Level],
) -> Result<(Statement, Level), String> {
    parsed(text, level, levels, |parser| parser.statement())
}

fn parsed<T>(
    text: &str,
    level: Option<Level>,
    levels: &[Level],
    read: fn(&mut Parser) -> Result<T, String>,
) -> Result<(T, Level), String> {
    let tokens = tokens(text)?;
    let mut parser =
        Parser { tokens: &tokens, at: 0, depth: 0, level, levels, innermost: level, asked: None };
    let it = read(&mut parser)?;
    if let Some(token) = parser.peek() {
        return Err(format!("{} where an operator or the end is expected", told(token)));
    }
    let level = parser.innermost.ok_or("it does not say of what; a path such as span.name does")?;
    match parser.asked {
        Some((function, of)) if of != level => {
            Err(format!("{function} is asked of a {}, not of a {}", of.name(), level.name()))
        }
        _ => Ok((it, level)),
    }
}

/// A path: its level, its name, what finds it, and the keys behind it.
type Located = (Level, &'static str, Getter, Vec<Key>);

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    depth: usize,
    level: Option<Level>,
    levels: &'a [Level],
    /// The innermost level of all paths.
    innermost: Option<Level>,
    /// A function that can be asked of one level only.
    asked: Option<(&'static str, Level)>,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Option<&'a Token> {
        let token = self.peek();
        self.at += 1;
        token
    }

    /// Goes on if `token` is next.
    fn eat(&mut self, token: &Token) -> bool {
        let is_next = self.peek() == Some(token);
        self.at += usize::from(is_next);
        is_next
    }

    fn eat_mark(&mut self, mark: char) -> bool {
        self.eat(&Token::Mark(mark))
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let is_next = matches!(self.peek(), Some(Token::Name(name)) if name == word);
        self.at += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, mark: char) -> Result<(), String> {
        match self.eat_mark(mark) {
            true => Ok(()),
            false => Err(match self.peek() {
                Some(token) => format!("{} where {mark} is expected", told(token)),
                None => format!("it ends where {mark} is expected"),
            }),
        }
    }

    fn any(&mut self) -> Result<Condition, String> {
        let mut conditions = vec![self.all()?];
        while self.eat_word("or") {
            conditions.push(self.all()?);
        }
        Ok(one_or(conditions, Condition::Any))
    }

    fn all(&mut self) -> Result<Condition, String> {
        let mut conditions = vec![self.negated()?];
        while self.eat_word("and") {
            conditions.push(self.negated()?);
        }
        Ok(one_or(conditions, Condition::All))
    }

    fn negated(&mut self) -> Result<Condition, String> {
        if self.eat_word("not") {
            return Ok(Condition::Not(Box::new(self.single()?)));
        }
        self.single()
    }

    /// A comparison, a function, `true` or `false`; or a condition in brackets, which only what follows tells from an
    /// expression in brackets.
    fn single(&mut self) -> Result<Condition, String> {
        let (start, depth) = (self.at, self.depth);
        let compared = self.compared();
        if compared.is_ok() || self.tokens.get(start) != Some(&Token::Mark('(')) {
            return compared;
        }
        let far = self.at;
        (self.at, self.depth) = (start + 1, depth);
        self.deeper()?;
        let inner = self.any().and_then(|inner| self.expect(')').map(|()| inner));
        self.depth -= 1;
        // Whichever of the two came further knows better what is wrong.
        if inner.is_err() && far > self.at { compared } else { inner }
    }

    fn compared(&mut self) -> Result<Condition, String> {
        let left = self.value()?;
        if let Some(Token::Comparison(comparison)) = self.peek() {
            self.at += 1;
            return Ok(Condition::Compares(left, *comparison, self.value()?));
        }
        match left {
            Expression::Literal(Value::Bool(is)) => Ok(Condition::Is(is)),
            Expression::Calls(..) | Expression::Matches(..) => Ok(Condition::Yields(left)),
            _ => Err(match self.peek() {
                Some(token) => format!("{} where a comparison such as == is expected", told(token)),
                None => "it ends where a comparison such as == is expected".to_owned(),
            }),
        }
    }

    fn deeper(&mut self) -> Result<(), String> {
        self.depth += 1;
        if self.depth > DEEPEST { Err("too many brackets in each other".to_owned()) } else { Ok(()) }
    }

    /// An editor, and perhaps a condition behind `where`.
    fn statement(&mut self) -> Result<Statement, String> {
        let Some(Token::Name(name)) = self.next() else {
            return Err("a statement begins with the name of what it does, such as set".to_owned());
        };
        let Some((name, wanted)) = EDITORS.iter().find(|(it, _)| it == name) else {
            let known = EDITORS.map(|(name, _)| name);
            return Err(format!("{name} is not known here{}", config::valid_words(name, &known)));
        };
        self.expect('(')?;
        let Some(Token::Name(first)) = self.next() else {
            return Err(format!("{name} begins with the path that it writes to"));
        };
        if self.peek() == Some(&Token::Mark('=')) {
            return Err(NAMED.to_owned());
        }
        let (level, path, _, keys) = self.located(first)?;
        if path != "attributes" && !WRITABLE.contains(&(level, path)) {
            return Err(format!("{path} can't be written to here"));
        }
        let place = Place { level, name: path, keys };
        let mut arguments = Vec::new();
        while !self.eat_mark(')') {
            self.expect(',')?;
            arguments.push(self.argument()?);
        }
        if arguments.len() != *wanted {
            return Err(format!("{name} takes {} arguments, not {}", wanted + 1, arguments.len() + 1));
        }
        let edit = edit(name, place, arguments)?;
        let condition = if self.eat_word("where") { Some(self.any()?) } else { None };
        Ok(Statement { edit, condition })
    }
}

fn one_or(mut conditions: Vec<Condition>, several: fn(Vec<Condition>) -> Condition) -> Condition {
    if conditions.len() == 1 { conditions.remove(0) } else { several(conditions) }
}

fn told(token: &Token) -> String {
    match token {
        Token::Bytes(_) => "bytes".to_owned(),
        Token::Float(float) => float.to_string(),
        Token::Int(int) => int.to_string(),
        Token::Text(text) => format!("\"{text}\""),
        Token::Name(name) => name.clone(),
        Token::Comparison(_) => "a comparison".to_owned(),
        Token::Mark(mark) => mark.to_string(),
    }
}
