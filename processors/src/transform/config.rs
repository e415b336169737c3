//! What a user may write of the `transform` processor.

use std::cell::Cell;
use std::fmt;

use config::{Mistake, Mistakes, Node, words};
use serde::Deserialize;

use super::{Rule, Stated, Transform};
use crate::ottl::listed::{ErrorMode, Listed, OF_LOGS, OF_METRICS, OF_TRACES, level};
use crate::ottl::{Level, parse, parse_statement};

/// Settings.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What becomes of something that a statement can't be carried out on: it stays as it is, and `silent` says no word
    /// of it.
    error_mode: ErrorMode,
    /// What is done to spans, their events, and what lies around them, in this order: statements whose paths begin with
    /// `span`, `resource` and so on; or maps of `context`, which paths may leave out then, `statements`, `conditions`
    /// (for one of which they are carried out) and `error_mode`.
    trace_statements: Vec<Listed<Several>>,
    /// The same of metrics and data points.
    metric_statements: Vec<Listed<Several>>,
    /// The same of log records.
    log_statements: Vec<Listed<Several>>,
}

/// Statements about things of one level.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Several {
    /// What they are about, so that paths need not say it: `resource`, `scope`, `span`, `spanevent`, `metric`,
    /// `datapoint` or `log`.
    context: Option<String>,
    /// The statements.
    #[serde(deserialize_with = "words")]
    statements: Vec<String>,
    /// They are carried out on things for which one of these is true; on all, if there is none.
    #[serde(deserialize_with = "words")]
    conditions: Vec<String>,
    /// In the place of the processor's.
    error_mode: Option<ErrorMode>,
}

impl Config {
    /// Makes the statements ready.
    ///
    /// # Errors
    /// Everything wrong with any of them.
    pub(super) fn transform(self, node: &Node, id: String) -> Result<Transform, Mistakes> {
        let mut check = Check { node, error_mode: self.error_mode, mistakes: Vec::new() };
        let spans = check.rules("trace_statements", OF_TRACES, self.trace_statements);
        let metrics = check.rules("metric_statements", OF_METRICS, self.metric_statements);
        let records = check.rules("log_statements", OF_LOGS, self.log_statements);
        match check.mistakes.is_empty() {
            true => Ok(Transform { id, spans, metrics, records }),
            false => Err(Mistakes(check.mistakes)),
        }
    }
}

struct Check<'a> {
    node: &'a Node,
    error_mode: ErrorMode,
    mistakes: Vec<Mistake>,
}

impl Check<'_> {
    fn wrong(&mut self, key: &str, message: impl fmt::Display) {
        self.mistakes.extend(self.node.mistake(key, message).0);
    }

    fn rules(&mut self, key: &str, levels: &[Level], listed: Vec<Listed<Several>>) -> Vec<Rule> {
        let (mut plain, mut rules) = (Several::default(), Vec::new());
        for (i, listed) in listed.into_iter().enumerate() {
            match listed {
                Listed::One(statement) => plain.statements.push(statement),
                Listed::Several(_) if !plain.statements.is_empty() => {
                    self.wrong(&format!("{key}[{i}]"), "a map can't follow statements alone in one list");
                    return rules;
                }
                Listed::Several(group) => {
                    rules.extend(self.group(group, levels, &format!("{key}[{i}]"), ".statements"));
                }
            }
        }
        rules.extend(self.group(plain, levels, key, ""));
        rules
    }

    /// The statements of one list: about things of one level, which is the innermost that any names unless `context`
    /// says it.
    fn group(&mut self, group: Several, levels: &[Level], key: &str, list: &str) -> Option<Rule> {
        let level = match group.context.map(|context| level(&context, levels)).transpose() {
            Ok(level) => level,
            Err(why) => {
                self.wrong(&format!("{key}.context"), why);
                return None;
            }
        };
        let is_silent = group.error_mode.unwrap_or(self.error_mode) == ErrorMode::Silent;
        let mut innermost = level;
        let (mut statements, mut conditions) = (Vec::new(), Vec::new());
        for (i, text) in group.statements.into_iter().enumerate() {
            match parse_statement(&text, level, levels) {
                Ok((statement, level)) => {
                    innermost = innermost.max(Some(level));
                    statements.push(Stated::new(statement, text, is_silent));
                }
                Err(why) => self.wrong(&format!("{key}{list}[{i}]"), format_args!("found {text}: {why}")),
            }
        }
        for (i, text) in group.conditions.into_iter().enumerate() {
            match parse(&text, level, levels) {
                Ok((condition, level)) => {
                    innermost = innermost.max(Some(level));
                    conditions.push(Stated::new(condition, text, is_silent));
                }
                Err(why) => {
                    self.wrong(&format!("{key}.conditions[{i}]"), format_args!("found {text}: {why}"))
                }
            }
        }
        Some(Rule { level: innermost?, conditions, statements })
    }
}

impl<T> Stated<T> {
    fn new(it: T, text: String, is_silent: bool) -> Self {
        Stated { it, text, is_told: Cell::new(is_silent) }
    }
}
