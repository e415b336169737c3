//! Conditions in OpenTelemetry's Transformation Language (OTTL), on spans, metrics and log records.
//!
//! What is here are its conditions, whole but for literal maps, keys that are expressions and named arguments, and
//! those of its functions that conditions use; anything else is a mistake that says so
//! (<https://github.com/open-telemetry/opentelemetry-collector-contrib/blob/main/pkg/ottl/LANGUAGE.md>).

mod expression;
mod function;
mod item;
mod parse;
mod path;
#[cfg(test)]
mod tests;
mod token;
mod value;

use std::cmp::Ordering;

pub use expression::Condition;
pub use item::{Item, Level, Point};
pub use parse::parse;
pub use path::enumerated;

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
