//! What a condition is made of, and what it says of an item.

use opentelemetry_proto::tonic::common::v1::AnyValue;
use regex_lite::Regex;

use super::Comparison;
use super::function::{self, Function};
use super::item::Item;
use super::path::Getter;
use super::value::{Key, Value};

/// Something that is true of an item or not.
#[derive(Debug)]
pub enum Condition {
    Is(bool),
    Compares(Expression, Comparison, Expression),
    /// A function that yields a bool.
    Yields(Expression),
    Not(Box<Condition>),
    /// All of them; what follows one that is false is not looked at.
    All(Vec<Condition>),
    /// One of them; what follows one that is true is not looked at.
    Any(Vec<Condition>),
}

impl Condition {
    /// Whether it is true of `item`.
    ///
    /// # Errors
    /// When that can't be said, such as of the length of what has none.
    pub fn holds(&self, item: &Item) -> Result<bool, String> {
        match self {
            Condition::Is(is) => Ok(*is),
            Condition::Compares(left, comparison, right) => {
                let left = left.value(item)?;
                Ok(left.compares(*comparison, &right.value(item)?))
            }
            Condition::Yields(expression) => match expression.value(item)? {
                Value::Bool(bool) => Ok(bool),
                other => Err(format!("a condition yields a bool, this is {}", other.kind())),
            },
            Condition::Not(condition) => Ok(!condition.holds(item)?),
            Condition::All(conditions) => {
                for condition in conditions {
                    if !condition.holds(item)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Condition::Any(conditions) => {
                for condition in conditions {
                    if condition.holds(item)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
        }
    }
}

/// Something that has a value.
#[derive(Debug)]
pub enum Expression {
    Literal(Value<'static>),
    List(Vec<Expression>),
    Path(Getter, Vec<Key>),
    Calls(Function, Vec<Expression>, Vec<Key>),
    /// `IsMatch` with a pattern that is compiled once.
    Matches(Box<Expression>, Regex),
    Calculates(Box<Expression>, Operator, Box<Expression>),
}

/// What two numbers, times or durations are put together by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
}

impl Expression {
    /// What a list can have of it; nothing if that is not known before there is an item.
    pub fn literal(&self) -> Option<AnyValue> {
        match self {
            Expression::Literal(value) => value.clone().into_any(),
            _ => None,
        }
    }

    /// Its value for `item`.
    ///
    /// # Errors
    /// When it has none.
    pub fn value<'a>(&'a self, item: &Item<'a>) -> Result<Value<'a>, String> {
        match self {
            Expression::Literal(value) => Ok(value.borrowed()),
            Expression::List(list) => {
                let any = |it: &'a Expression| {
                    let value = it.value(item)?;
                    let kind = value.kind();
                    value.into_any().ok_or_else(|| format!("{kind} can't be in a list"))
                };
                let list: Result<Vec<_>, String> = list.iter().map(any).collect();
                Ok(Value::List(list?.into()))
            }
            Expression::Path(getter, keys) => getter(item).unwrap_or(Value::Nil).at(keys),
            Expression::Calls(function, arguments, keys) => {
                let values: Result<Vec<_>, _> = arguments.iter().map(|it| it.value(item)).collect();
                function(item, &values?)?.at(keys)
            }
            Expression::Matches(target, pattern) => match target.value(item)? {
                Value::Nil => Ok(Value::Bool(false)),
                Value::Text(text) => Ok(Value::Bool(pattern.is_match(&text))),
                other => Ok(Value::Bool(pattern.is_match(&function::as_text(&other)))),
            },
            Expression::Calculates(left, operator, right) => {
                calculate(&left.value(item)?, *operator, &right.value(item)?)
            }
        }
    }
}

fn calculate<'a>(left: &Value, operator: Operator, right: &Value) -> Result<Value<'a>, String> {
    use Operator::{Add, Subtract};
    Ok(match (left, operator, right) {
        (Value::Int(a), _, Value::Int(b)) => Value::Int(whole(*a, operator, *b)?),
        (Value::Int(a), _, Value::Float(b)) => Value::Float(real(*a as f64, operator, *b)?),
        (Value::Float(a), _, Value::Int(b)) => Value::Float(real(*a, operator, *b as f64)?),
        (Value::Float(a), _, Value::Float(b)) => Value::Float(real(*a, operator, *b)?),
        (Value::Time(a), Add, Value::Duration(b)) | (Value::Duration(a), Add, Value::Time(b)) => {
            Value::Time(a.saturating_add(*b))
        }
        (Value::Time(a), Subtract, Value::Duration(b)) => Value::Time(a.saturating_sub(*b)),
        (Value::Time(a), Subtract, Value::Time(b)) | (Value::Duration(a), Subtract, Value::Duration(b)) => {
            Value::Duration(a.saturating_sub(*b))
        }
        (Value::Duration(a), Add, Value::Duration(b)) => Value::Duration(a.saturating_add(*b)),
        _ => return Err(format!("{} and {} can't be put together so", left.kind(), right.kind())),
    })
}

fn whole(a: i64, operator: Operator, b: i64) -> Result<i64, String> {
    match operator {
        Operator::Add => Ok(a.wrapping_add(b)),
        Operator::Subtract => Ok(a.wrapping_sub(b)),
        Operator::Multiply => Ok(a.wrapping_mul(b)),
        Operator::Divide if b == 0 => Err(BY_ZERO.to_owned()),
        Operator::Divide => Ok(a.wrapping_div(b)),
    }
}

fn real(a: f64, operator: Operator, b: f64) -> Result<f64, String> {
    match operator {
        Operator::Add => Ok(a + b),
        Operator::Subtract => Ok(a - b),
        Operator::Multiply => Ok(a * b),
        Operator::Divide if b == 0.0 => Err(BY_ZERO.to_owned()),
        Operator::Divide => Ok(a / b),
    }
}

const BY_ZERO: &str = "a division by 0";
