//! From words to expressions: what is compared, given to functions, and written.

use regex_lite::Regex;

use super::{Located, NAMED, Parser, told};
use crate::ottl::expression::{Expression, Operator};
use crate::ottl::function::FUNCTIONS;
use crate::ottl::item::Level;
use crate::ottl::path::{INDEXED, PATHS, enumerated};
use crate::ottl::token::{Token, tokens};
use crate::ottl::value::{Key, Value};
use crate::pattern;

impl Parser<'_> {
    pub fn value(&mut self) -> Result<Expression, String> {
        let mut left = self.product()?;
        loop {
            let operator = match self.peek() {
                Some(Token::Mark('+')) => Operator::Add,
                Some(Token::Mark('-')) => Operator::Subtract,
                _ => return Ok(left),
            };
            self.at += 1;
            left = calculated(left, operator, self.product()?)?;
        }
    }

    fn product(&mut self) -> Result<Expression, String> {
        let mut left = self.signed()?;
        loop {
            let operator = match self.peek() {
                Some(Token::Mark('*')) => Operator::Multiply,
                Some(Token::Mark('/')) => Operator::Divide,
                _ => return Ok(left),
            };
            self.at += 1;
            left = calculated(left, operator, self.signed()?)?;
        }
    }

    fn signed(&mut self) -> Result<Expression, String> {
        if self.eat_mark('-') {
            let zero = Expression::Literal(Value::Int(0));
            return Ok(match self.atom()? {
                Expression::Literal(Value::Int(int)) => Expression::Literal(Value::Int(int.wrapping_neg())),
                Expression::Literal(Value::Float(float)) => Expression::Literal(Value::Float(-float)),
                other => Expression::Calculates(Box::new(zero), Operator::Subtract, Box::new(other)),
            });
        }
        self.eat_mark('+');
        self.atom()
    }

    fn atom(&mut self) -> Result<Expression, String> {
        let literal = |value| Ok(Expression::Literal(value));
        match self.next() {
            Some(Token::Text(text)) => literal(Value::text(text.clone())),
            Some(Token::Int(int)) => literal(Value::Int(*int)),
            Some(Token::Float(float)) => literal(Value::Float(*float)),
            Some(Token::Bytes(bytes)) => literal(Value::Bytes(bytes.clone().into())),
            Some(Token::Mark('(')) => {
                self.deeper()?;
                let inner = self.value()?;
                self.depth -= 1;
                self.expect(')')?;
                Ok(inner)
            }
            Some(Token::Mark('[')) => self.list(),
            Some(Token::Mark('{')) => Err("maps can't be written here".to_owned()),
            Some(Token::Name(name)) => match name.as_str() {
                "nil" => literal(Value::Nil),
                "true" => literal(Value::Bool(true)),
                "false" => literal(Value::Bool(false)),
                "and" | "or" | "not" => Err(format!("{name} where a value is expected")),
                _ if self.peek() == Some(&Token::Mark('(')) => self.call(name),
                _ if name.starts_with(|first: char| first.is_ascii_uppercase()) => {
                    let number =
                        enumerated(name).ok_or_else(|| format!("there is no number called {name}"))?;
                    literal(Value::Int(number))
                }
                _ => self.path(name),
            },
            Some(token) => Err(format!("{} where a value is expected", told(token))),
            None => Err("it ends where a value is expected".to_owned()),
        }
    }

    fn list(&mut self) -> Result<Expression, String> {
        let mut values = Vec::new();
        while !self.eat_mark(']') {
            if !values.is_empty() {
                self.expect(',')?;
            }
            self.deeper()?;
            let value = self.value()?;
            self.depth -= 1;
            values.push(value);
        }
        let literals: Option<Vec<_>> = values.iter().map(Expression::literal).collect();
        Ok(literals
            .map_or(Expression::List(values), |values| Expression::Literal(Value::List(values.into()))))
    }

    fn arguments(&mut self) -> Result<Vec<Expression>, String> {
        self.expect('(')?;
        let mut arguments = Vec::new();
        while !self.eat_mark(')') {
            if !arguments.is_empty() {
                self.expect(',')?;
            }
            arguments.push(self.argument()?);
        }
        Ok(arguments)
    }

    pub fn argument(&mut self) -> Result<Expression, String> {
        if self.tokens.get(self.at + 1) == Some(&Token::Mark('=')) {
            return Err(NAMED.to_owned());
        }
        self.deeper()?;
        let value = self.value()?;
        self.depth -= 1;
        Ok(value)
    }

    fn call(&mut self, name: &str) -> Result<Expression, String> {
        let arguments = self.arguments()?;
        if !name.starts_with(|first: char| first.is_ascii_uppercase()) {
            return Err(format!("{name} is no function: the name of one begins with a capital letter"));
        }
        let count = arguments.len();
        let wrong_count = |wanted: usize| Err(format!("{name} takes {wanted} arguments, not {count}"));
        match name {
            "IsMatch" => {
                let mut arguments = arguments.into_iter();
                let (Some(target), Some(pattern), None) =
                    (arguments.next(), arguments.next(), arguments.next())
                else {
                    return wrong_count(2);
                };
                let Expression::Literal(Value::Text(pattern)) = pattern else {
                    return Err("the pattern of IsMatch is a text in double quotes here".to_owned());
                };
                let pattern: Regex = pattern::compile(&pattern)?;
                return Ok(Expression::Matches(Box::new(target), pattern));
            }
            "TraceID" | "SpanID" | "Duration" => return constant(name, &arguments),
            _ => {}
        }
        let known = FUNCTIONS.iter().find(|(it, ..)| *it == name);
        let Some((name, wanted, level, function)) = known else {
            let known =
                FUNCTIONS.iter().map(|(it, ..)| *it).chain(["IsMatch", "TraceID", "SpanID", "Duration"]);
            let known: Vec<_> = known.collect();
            return Err(format!(
                "the function {name} is not known here{}",
                config::valid_words(name, &known)
            ));
        };
        if count != *wanted {
            return wrong_count(*wanted);
        }
        self.asked = level.map(|level| (*name, level)).or(self.asked);
        let keys = self.keys()?;
        Ok(Expression::Calls(*function, arguments, keys))
    }

    /// Notes that the condition asks something of `level`.
    fn reaches(&mut self, level: Level, what: &str) -> Result<(), String> {
        let can = match self.level {
            Some(own) => level.is_around(own),
            None => self.levels.contains(&level),
        };
        if !can {
            let levels: Vec<_> = self.levels.iter().map(|level| level.name()).collect();
            let of = self.level.map_or_else(|| levels.join(", "), |level| level.name().to_owned());
            return Err(format!("{what} can't be asked of a {of}"));
        }
        self.innermost = self.innermost.max(Some(level));
        Ok(())
    }

    fn path(&mut self, first: &str) -> Result<Expression, String> {
        let (_, _, getter, keys) = self.located(first)?;
        Ok(Expression::Path(getter, keys))
    }

    /// The path that begins with `first`.
    pub fn located(&mut self, first: &str) -> Result<Located, String> {
        let mut names = vec![first];
        while self.eat_mark('.') {
            match self.next() {
                Some(Token::Name(name)) => names.push(name),
                _ => return Err(format!("{}. is followed by no name", names.join("."))),
            }
        }
        let (level, rest) = match (Level::named(first), self.level) {
            (Some(level), _) if names.len() > 1 => (level, &names[1..]),
            (_, Some(level)) => (level, &names[..]),
            _ => {
                let levels: Vec<_> = self.levels.iter().map(|level| level.name()).collect();
                return Err(format!(
                    "{} does not say of what; it begins with one of {}",
                    names.join("."),
                    levels.join(", ")
                ));
            }
        };
        let rest = rest.join(".");
        let Some((_, name, getter)) = PATHS.iter().find(|(of, name, _)| *of == level && *name == rest) else {
            let known: Vec<_> =
                PATHS.iter().filter(|(of, ..)| *of == level).map(|(_, name, _)| *name).collect();
            let valid = config::valid_words(&rest, &known);
            return Err(format!("{} has no {rest}{valid}", level.name()));
        };
        self.reaches(level, &names.join("."))?;
        let keys = self.keys()?;
        if !keys.is_empty() && !INDEXED.contains(name) {
            return Err(format!("{} has no keys", names.join(".")));
        }
        Ok((level, name, *getter, keys))
    }

    fn keys(&mut self) -> Result<Vec<Key>, String> {
        let mut keys = Vec::new();
        while self.eat_mark('[') {
            keys.push(match self.next() {
                Some(Token::Text(name)) => Key::Name(name.clone()),
                Some(Token::Int(index)) => {
                    Key::Index(usize::try_from(*index).map_err(|_| format!("{index} is no index"))?)
                }
                _ => return Err("in [] stands a text in double quotes or a whole number".to_owned()),
            });
            self.expect(']')?;
        }
        Ok(keys)
    }
}

fn calculated(left: Expression, operator: Operator, right: Expression) -> Result<Expression, String> {
    for side in [&left, &right] {
        if let Expression::Literal(value) = side
            && !matches!(value, Value::Int(_) | Value::Float(_) | Value::Duration(_))
        {
            return Err(format!("{} is nothing to calculate with", value.kind()));
        }
    }
    Ok(Expression::Calculates(Box::new(left), operator, Box::new(right)))
}

/// What the functions with this one literal stand for.
fn constant(name: &str, arguments: &[Expression]) -> Result<Expression, String> {
    let value = match (name, arguments) {
        ("Duration", [Expression::Literal(Value::Text(text))]) => {
            let duration = config::parse_duration(text)?;
            Value::Duration(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX))
        }
        ("TraceID", [Expression::Literal(Value::Bytes(bytes))]) if bytes.len() == 16 => {
            Value::Id(bytes.clone())
        }
        ("SpanID", [Expression::Literal(Value::Bytes(bytes))]) if bytes.len() == 8 => {
            Value::Id(bytes.clone())
        }
        ("TraceID", [Expression::Literal(Value::Text(text))]) => Value::Id(id(text, 16)?.into()),
        ("SpanID", [Expression::Literal(Value::Text(text))]) => Value::Id(id(text, 8)?.into()),
        ("Duration", _) => return Err("Duration takes a text such as \"1s\"".to_owned()),
        ("TraceID", _) => return Err("TraceID takes 16 bytes: 0x and 32 hexadecimal digits".to_owned()),
        _ => return Err("SpanID takes 8 bytes: 0x and 16 hexadecimal digits".to_owned()),
    };
    Ok(Expression::Literal(value))
}

/// An id that is written as a text.
fn id(text: &str, length: usize) -> Result<Vec<u8>, String> {
    match tokens(&format!("0x{text}")).as_deref() {
        Ok([Token::Bytes(bytes)]) if bytes.len() == length => Ok(bytes.clone()),
        _ => Err(format!("found {text}; expected {} hexadecimal digits", 2 * length)),
    }
}
