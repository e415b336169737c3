//! `metric_declarations`: which metrics are made, under which dimensions.

use std::collections::BTreeMap;

use regex_lite::Regex;
use serde::Deserialize;

use crate::findings::Findings;

/// The most dimensions that a metric may have
/// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html>).
pub(super) const MOST_DIMENSIONS: usize = 30;

/// A rule as a user writes it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct DeclarationConfig {
    /// The sets of labels that are dimensions.
    dimensions: Vec<Vec<String>>,
    /// Regular expressions of metric names.
    metric_name_selectors: Vec<String>,
    /// What labels must hold; one of them is enough.
    label_matchers: Vec<MatcherConfig>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct MatcherConfig {
    /// The labels whose values are joined.
    label_names: Vec<String>,
    /// What stands between the values.
    separator: String,
    /// What the joined values must match.
    regex: String,
}

impl Default for MatcherConfig {
    fn default() -> Self {
        MatcherConfig { label_names: Vec::new(), separator: ";".into(), regex: String::new() }
    }
}

/// A rule: metrics of such names and labels, under such dimensions.
#[derive(Debug)]
pub(super) struct Declaration {
    dimensions: Vec<Vec<String>>,
    names: Vec<Regex>,
    matchers: Vec<Matcher>,
}

#[derive(Debug)]
struct Matcher {
    labels: Vec<String>,
    separator: String,
    regex: Regex,
}

impl DeclarationConfig {
    /// The rule, if nothing in it is wrong; `at` is its number.
    pub fn check(self, at: usize, findings: &mut Findings) -> Option<Declaration> {
        let key = |rest: &str| format!("metric_declarations[{at}].{rest}");
        if self.metric_name_selectors.is_empty() {
            return findings.mistake(&key("metric_name_selectors"), "is missing: which metrics are meant?");
        }
        let mut dimensions: Vec<Vec<String>> = Vec::new();
        for mut set in self.dimensions {
            set.sort_unstable();
            set.dedup();
            if set.len() > MOST_DIMENSIONS {
                findings.warn(&key("dimensions"), "more than 30 dimensions can't be: this set is left out");
            } else if !dimensions.contains(&set) {
                dimensions.push(set);
            }
        }
        let names = self.metric_name_selectors.iter();
        let names = names.filter_map(|name| regex(name, &key("metric_name_selectors"), findings)).collect();
        let mut matchers = Vec::new();
        for matcher in self.label_matchers {
            if matcher.label_names.is_empty() {
                findings
                    .mistake::<()>(&key("label_matchers"), "label_names is missing: which labels are meant?");
            } else if matcher.regex.is_empty() {
                findings.mistake::<()>(&key("label_matchers"), "regex is missing: which values are meant?");
            } else if let Some(regex) = regex(&matcher.regex, &key("label_matchers"), findings) {
                matchers.push(Matcher { labels: matcher.label_names, separator: matcher.separator, regex });
            }
        }
        Some(Declaration { dimensions, names, matchers })
    }
}

fn regex(text: &str, key: &str, findings: &mut Findings) -> Option<Regex> {
    Regex::new(text).map_err(|error| findings.mistake::<()>(key, format!("`{text}`: {error}"))).ok()
}

impl Declaration {
    /// Whether a metric of that name is meant.
    pub fn takes_name(&self, name: &str) -> bool {
        self.names.iter().any(|regex| regex.is_match(name))
    }

    /// Whether metrics with these labels are meant.
    pub fn takes_labels(&self, labels: &BTreeMap<String, String>) -> bool {
        let value = |label: &String| labels.get(label).map_or("", String::as_str);
        let matches = |it: &Matcher| {
            let values: Vec<_> = it.labels.iter().map(value).collect();
            it.regex.is_match(&values.join(&it.separator))
        };
        self.matchers.is_empty() || self.matchers.iter().any(matches)
    }

    /// Its sets of dimensions of which `labels` has all.
    pub fn dimensions<'a>(&'a self, labels: &BTreeMap<String, String>) -> impl Iterator<Item = Vec<&'a str>> {
        let known = self.dimensions.iter().filter(|set| set.iter().all(|name| labels.contains_key(name)));
        known.map(|set| set.iter().map(String::as_str).collect())
    }
}
