//! The receivers. [`all`] is the list; each is a file or folder of its own.

use pipeline::{Factory, Receiver};

pub mod otlp;

/// Every receiver of this distribution.
pub fn all() -> Vec<Factory<dyn Receiver>> {
    vec![Factory::new("otlp", otlp::build)]
}
