//! What a user may write of the `transform` processor.

use config::{Mistakes, Node, words};
use serde::Deserialize;

use super::Rule;
use crate::ottl::listed::{ErrorMode, Listed, OF_LOGS, OF_METRICS, OF_TRACES};
use crate::ottl::stated::{BySignal, Check};
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
    pub(super) fn rules(self, node: &Node, id: String) -> Result<BySignal<Rule>, Mistakes> {
        let mut check = Check { node, error_mode: self.error_mode, mistakes: Vec::new() };
        let spans = rules(&mut check, "trace_statements", OF_TRACES, self.trace_statements);
        let metrics = rules(&mut check, "metric_statements", OF_METRICS, self.metric_statements);
        let records = rules(&mut check, "log_statements", OF_LOGS, self.log_statements);
        check.done(BySignal { id, spans, metrics, records })
    }
}

fn rules(check: &mut Check, key: &str, levels: &[Level], listed: Vec<Listed<Several>>) -> Vec<Rule> {
    let (mut plain, mut rules) = (Several::default(), Vec::new());
    for (i, listed) in listed.into_iter().enumerate() {
        match listed {
            Listed::One(statement) => plain.statements.push(statement),
            Listed::Several(_) if !plain.statements.is_empty() => {
                check.wrong(&format!("{key}[{i}]"), "a map can't follow statements alone in one list");
                return rules;
            }
            Listed::Several(several) => {
                rules.extend(group(check, several, levels, &format!("{key}[{i}]"), ".statements"));
            }
        }
    }
    rules.extend(group(check, plain, levels, key, ""));
    rules
}

/// The statements of one list: about things of one level, which is the innermost that any names unless `context`
/// says it.
fn group(check: &mut Check, group: Several, levels: &[Level], key: &str, list: &str) -> Option<Rule> {
    let level = check.level(key, group.context, levels).ok()?;
    let error_mode = group.error_mode.unwrap_or(check.error_mode);
    let mut innermost = level;
    let (mut statements, mut conditions) = (Vec::new(), Vec::new());
    for (i, text) in group.statements.into_iter().enumerate() {
        let (at, parsed) = (format!("{key}{list}[{i}]"), parse_statement(&text, level, levels));
        if let Some((statement, level)) = check.stated(&at, text, error_mode, parsed) {
            innermost = innermost.max(Some(level));
            statements.push(statement);
        }
    }
    for (i, text) in group.conditions.into_iter().enumerate() {
        let (at, parsed) = (format!("{key}.conditions[{i}]"), parse(&text, level, levels));
        if let Some((condition, level)) = check.stated(&at, text, error_mode, parsed) {
            innermost = innermost.max(Some(level));
            conditions.push(condition);
        }
    }
    Some(Rule { level: innermost?, conditions, statements })
}
