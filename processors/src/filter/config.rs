//! What a user may write of the `filter` processor.

use std::collections::BTreeMap;

use config::{Mistakes, Node, words};
use serde::Deserialize;

use super::{Rule, Test};
use crate::matching::{MatchConfig, Matching};
use crate::ottl::listed::{ErrorMode, Listed, OF_LOGS, OF_METRICS, OF_TRACES};
use crate::ottl::stated::{BySignal, Check};
use crate::ottl::{Level, parse};

/// Settings.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What becomes of something of which a condition can't be told: it stays, and `silent` says no word of it.
    error_mode: ErrorMode,
    /// Spans and their events that are dropped.
    traces: Traces,
    /// Metrics and their data points that are dropped.
    metrics: Metrics,
    /// Log records that are dropped.
    logs: Logs,
    /// The older way to choose spans: `include` and `exclude`.
    spans: Chosen,
    /// Spans and their events that are dropped, by conditions whose paths begin with `span`, `resource` and so on; or
    /// maps of `context`, which paths may leave out then, `conditions` and `error_mode`.
    trace_conditions: Vec<Listed<Several>>,
    /// The same of metrics and data points.
    metric_conditions: Vec<Listed<Several>>,
    /// The same of log records.
    log_conditions: Vec<Listed<Several>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Traces {
    /// Conditions; a resource for which one is true is dropped with all it has.
    #[serde(deserialize_with = "words")]
    resource: Vec<String>,
    /// Conditions; a span for which one is true is dropped.
    #[serde(deserialize_with = "words")]
    span: Vec<String>,
    /// Conditions; a span's event for which one is true is dropped.
    #[serde(deserialize_with = "words")]
    spanevent: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Metrics {
    /// Conditions; a resource for which one is true is dropped with all it has.
    #[serde(deserialize_with = "words")]
    resource: Vec<String>,
    /// Conditions; a metric for which one is true is dropped.
    #[serde(deserialize_with = "words")]
    metric: Vec<String>,
    /// Conditions; a data point for which one is true is dropped.
    #[serde(deserialize_with = "words")]
    datapoint: Vec<String>,
    /// The older way: only metrics with these properties stay.
    include: Option<MatchConfig>,
    /// The older way: metrics with these properties are dropped.
    exclude: Option<MatchConfig>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Logs {
    /// Conditions; a resource for which one is true is dropped with all it has.
    #[serde(deserialize_with = "words")]
    resource: Vec<String>,
    /// Conditions; a record for which one is true is dropped.
    #[serde(deserialize_with = "words")]
    log_record: Vec<String>,
    /// The older way: only records with these properties stay.
    include: Option<MatchConfig>,
    /// The older way: records with these properties are dropped.
    exclude: Option<MatchConfig>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Chosen {
    /// Only spans with these properties stay.
    include: Option<MatchConfig>,
    /// Spans with these properties are dropped.
    exclude: Option<MatchConfig>,
}

/// Conditions about things of one level.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Several {
    /// What they are about, so that paths need not say it: `resource`, `scope`, `span`, `spanevent`, `metric`,
    /// `datapoint` or `log`.
    context: Option<String>,
    /// The conditions.
    #[serde(deserialize_with = "words")]
    conditions: Vec<String>,
    /// In the place of the processor's.
    error_mode: Option<ErrorMode>,
}

/// Conditions by level, with the key that they stand at.
type ByLevel<'a> = [(Level, &'a str, Vec<String>)];

impl Config {
    /// Makes the conditions ready.
    ///
    /// # Errors
    /// Everything wrong with any of them.
    pub(super) fn rules(self, node: &Node, id: String) -> Result<BySignal<Rule>, Mistakes> {
        let mut check = Check { node, error_mode: self.error_mode, mistakes: Vec::new() };
        let Config { traces, metrics, logs, spans, .. } = self;
        let spans = rules(
            &mut check,
            ("trace_conditions", OF_TRACES, self.trace_conditions),
            &[
                (Level::Resource, "traces.resource", traces.resource),
                (Level::Span, "traces.span", traces.span),
                (Level::SpanEvent, "traces.spanevent", traces.spanevent),
            ],
            (Level::Span, "spans", spans.include, spans.exclude),
        );
        let metrics = rules(
            &mut check,
            ("metric_conditions", OF_METRICS, self.metric_conditions),
            &[
                (Level::Resource, "metrics.resource", metrics.resource),
                (Level::Metric, "metrics.metric", metrics.metric),
                (Level::DataPoint, "metrics.datapoint", metrics.datapoint),
            ],
            (Level::Metric, "metrics", metrics.include, metrics.exclude),
        );
        let records = rules(
            &mut check,
            ("log_conditions", OF_LOGS, self.log_conditions),
            &[
                (Level::Resource, "logs.resource", logs.resource),
                (Level::Log, "logs.log_record", logs.log_record),
            ],
            (Level::Log, "logs", logs.include, logs.exclude),
        );
        check.done(BySignal { id, spans, metrics, records })
    }
}

/// The rules of one signal, written in one of the three ways.
fn rules(
    check: &mut Check,
    (key, levels, grouped): (&str, &[Level], Vec<Listed<Several>>),
    by_level: &ByLevel,
    (level, chosen, include, exclude): (Level, &str, Option<MatchConfig>, Option<MatchConfig>),
) -> Vec<Rule> {
    let has_levels = by_level.iter().any(|(_, _, conditions)| !conditions.is_empty());
    let [include, exclude] = [include, exclude].map(|it| {
        // Of records, what chooses nothing is as good as not there.
        it.filter(|it| level != Level::Log || !it.is_empty())
    });
    let is_chosen = include.is_some() || exclude.is_some();
    if usize::from(has_levels) + usize::from(is_chosen) + usize::from(!grouped.is_empty()) > 1 {
        let others: Vec<_> = by_level.iter().map(|(_, key, _)| *key).collect();
        let others = others.join(", ");
        let message = format!(
            "conditions are written in one way only: {key}; or {others}; or {chosen}.include and {chosen}.exclude"
        );
        check.wrong(if is_chosen { chosen } else { key }, message);
        return Vec::new();
    }
    if is_chosen {
        let node = check.node.get(chosen);
        let matching = Matching::new(node.as_ref().unwrap_or(check.node), include, exclude);
        let matching = matching.map_err(|found| check.mistakes.extend(found.0)).ok();
        return matching
            .map(|matching| Rule { level, test: Test::Unchosen(Box::new(matching)) })
            .into_iter()
            .collect();
    }
    if !grouped.is_empty() {
        return grouped_rules(check, key, levels, grouped);
    }
    let rules = by_level.iter().flat_map(|(level, key, conditions)| {
        group(check, conditions, Some(*level), levels, check.error_mode, |i| format!("{key}[{i}]"))
    });
    rules.collect()
}

fn grouped_rules(check: &mut Check, key: &str, levels: &[Level], grouped: Vec<Listed<Several>>) -> Vec<Rule> {
    let (mut plain, mut rules) = (Vec::new(), Vec::new());
    let mixed = grouped.iter().any(|it| matches!(it, Listed::One(_)))
        && grouped.iter().any(|it| matches!(it, Listed::Several(_)));
    if mixed {
        check.wrong(key, "conditions alone and maps of them can't stand in one list");
        return rules;
    }
    for (i, conditions) in grouped.into_iter().enumerate() {
        let Several { context, conditions, error_mode } = match conditions {
            Listed::One(condition) => {
                plain.push(condition);
                continue;
            }
            Listed::Several(several) => several,
        };
        let Ok(level) = check.level(&format!("{key}[{i}]"), context, levels) else { continue };
        let at = |j| format!("{key}[{i}].conditions[{j}]");
        rules.extend(group(check, &conditions, level, levels, error_mode.unwrap_or(check.error_mode), at));
    }
    rules.extend(group(check, &plain, None, levels, check.error_mode, |i| format!("{key}[{i}]")));
    rules
}

/// The conditions of one list: about things of `level`, or else of the innermost that each names.
fn group(
    check: &mut Check,
    conditions: &[String],
    level: Option<Level>,
    levels: &[Level],
    error_mode: ErrorMode,
    at: impl Fn(usize) -> String,
) -> Vec<Rule> {
    let mut by_level: BTreeMap<Level, Vec<_>> = BTreeMap::new();
    for (i, text) in conditions.iter().enumerate() {
        let parsed = parse(text, level, levels);
        if let Some((stated, level)) = check.stated(&at(i), text.clone(), error_mode, parsed) {
            by_level.entry(level).or_default().push(stated);
        }
    }
    let rule = |(level, conditions)| Rule { level, test: Test::Conditions(conditions) };
    by_level.into_iter().map(rule).collect()
}
