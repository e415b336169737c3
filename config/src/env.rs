//! The environment, as a value.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::rc::Rc;

/// The environment, as a value: read once in `main`, handed down, made up in tests.
#[derive(Clone, Debug, Default)]
pub struct Env(Rc<BTreeMap<String, String>>);

impl Env {
    /// The environment of this process; variables that are not UTF-8 are left out.
    pub fn of_process() -> Self {
        Env(Rc::new(
            std::env::vars_os()
                .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
                .collect(),
        ))
    }

    /// The value of a variable, if it is set (it may be empty).
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The same, with one more variable.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut variables = (*self.0).clone();
        variables.insert(name.into(), value.into());
        Env(Rc::new(variables))
    }

    /// The variables whose names begin with `prefix`, in the order of their names.
    pub fn starting_with<'e>(&'e self, prefix: &'e str) -> impl Iterator<Item = (&'e str, &'e str)> {
        let from = self.0.range::<str, _>((Bound::Included(prefix), Bound::Unbounded));
        from.take_while(move |(name, _)| name.starts_with(prefix)).map(|(k, v)| (k.as_str(), v.as_str()))
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Env {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        Env(Rc::new(variables.into_iter().map(|(k, v)| (k.into(), v.into())).collect()))
    }
}
