//! What is wrong or odd in a component's settings, before it is given its place in the file.

use std::fmt::Display;

use config::{Mistakes, Node};

/// Mistakes and warnings, each at a key below the component. Checks take values and add to this; so they can
/// be tried without a file, and a file's mistakes come out all at once.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// What makes the settings unusable: key and explanation.
    pub mistakes: Vec<(String, String)>,
    /// What works but not as one might think.
    pub warnings: Vec<(String, String)>,
}

impl Findings {
    /// Notes a mistake; returns nothing, in place of the value that could not be made.
    pub fn mistake<T>(&mut self, key: &str, message: impl Display) -> Option<T> {
        self.mistakes.push((key.into(), message.to_string()));
        None
    }

    /// Notes something that works.
    pub fn warn(&mut self, key: &str, message: impl Display) {
        self.warnings.push((key.into(), message.to_string()));
    }

    /// Gives everything its place in the file of `node`.
    ///
    /// # Errors
    /// The mistakes, if there are any.
    pub fn report(self, node: &Node) -> Result<(), Mistakes> {
        for (key, message) in self.warnings {
            node.warn(&key, message);
        }
        let mistakes: Vec<_> =
            self.mistakes.into_iter().flat_map(|(key, message)| node.mistake(&key, message).0).collect();
        if mistakes.is_empty() { Ok(()) } else { Err(Mistakes(mistakes)) }
    }
}
