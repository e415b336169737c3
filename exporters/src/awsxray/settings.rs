//! What a user may choose of the translation.

use serde::Deserialize;

/// How spans become segment documents.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The rules.
    pub mapping: Mapping,
    /// Attributes that become annotations, which one can search for. Those of the resource have
    /// `otel.resource.` before their key. With [`Mapping::Improved`] a `*` at the end stands for any rest.
    pub indexed_attributes: Vec<String>,
    /// Whether all attributes become annotations.
    pub index_all_attributes: bool,
    /// The log groups of spans whose resource does not name its own.
    pub aws_log_groups: Vec<String>,
    /// Whether Lambda itself writes a segment for the function.
    pub lambda_function_segment: FunctionSegment,
}

/// The rules of the translation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mapping {
    /// This exporter's own.
    #[default]
    Improved,
    /// Those of the Go Collector's exporter.
    Contrib,
}

/// Whether Lambda itself writes a segment for the function, beneath which its spans belong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FunctionSegment {
    /// As the platform says of each invocation.
    #[default]
    Auto,
    /// It does: active tracing is on.
    Present,
    /// It does not.
    Absent,
}
