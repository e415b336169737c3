//! The processors. [`all`] is the list; each is a file of its own.

use pipeline::{Factory, Processor};

/// Every processor of this distribution.
pub fn all() -> Vec<Factory<dyn Processor>> {
    vec![]
}
