//! OpenTelemetry's Transformation Language (OTTL): conditions on spans, metrics and log records, and statements that
//! change them.
//!
//! What is here is its grammar, whole but for literal maps, keys that are expressions and named arguments, and those of
//! its functions and editors that configurations use; anything else is a mistake that says so
//! (<https://github.com/open-telemetry/opentelemetry-collector-contrib/blob/main/pkg/ottl/LANGUAGE.md>).

mod editor;
mod expression;
mod function;
mod item;
pub mod listed;
mod parse;
mod path;
mod slot;
pub mod stated;
mod statement;
mod target;
#[cfg(test)]
mod tests;
mod token;
mod value;

use std::cmp::Ordering;

pub use expression::Condition;
pub use item::{Item, Level, Point};
pub use parse::{parse, parse_statement};
pub use path::enumerated;
pub use statement::Statement;
pub use target::{PointMut, Target};

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
}

impl Comparison {
    /// Whether it is true of two values of this order.
    fn holds(self, order: Ordering) -> bool {
        match self {
            Comparison::Equal => order.is_eq(),
            Comparison::NotEqual => order.is_ne(),
            Comparison::Less => order.is_lt(),
            Comparison::LessEqual => order.is_le(),
            Comparison::Greater => order.is_gt(),
            Comparison::GreaterEqual => order.is_ge(),
        }
    }

    /// The same of values without an order.
    fn of_equality(self, equal: bool) -> bool {
        match self {
            Comparison::Equal => equal,
            Comparison::NotEqual => !equal,
            _ => false,
        }
    }
}
