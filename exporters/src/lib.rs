//! The exporters. [`all`] is the list; each is a file or folder of its own.

use pipeline::{Exporter, Factory};

/// Every exporter of this distribution.
pub fn all() -> Vec<Factory<dyn Exporter>> {
    vec![]
}
