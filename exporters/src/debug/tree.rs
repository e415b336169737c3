//! The tree that a request of any signal is, resources that hold scopes that hold items, and its text.

use std::fmt::{self, Write};

use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;

use super::value;

/// A span, a metric or a log record.
pub trait Item {
    /// What resources, scopes and items are called at verbosity `normal`; items have no title there.
    const NORMAL: [&'static str; 2];
    /// What resources, scopes and items are called at verbosity `detailed`.
    const DETAILED: [&'static str; 3];

    /// Appends the item in short: whole lines, none for a metric without points.
    fn normal(&self, out: &mut String) -> fmt::Result;

    /// Appends all of it, in lines below the title.
    fn detailed(&self, out: &mut String) -> fmt::Result;
}

/// A request, borrowed.
pub struct Tree<'a, I>(pub Vec<ResourceItems<'a, I>>);

/// What came from one resource.
pub struct ResourceItems<'a, I> {
    pub resource: Option<&'a Resource>,
    pub schema_url: &'a str,
    pub scopes: Vec<ScopeItems<'a, I>>,
}

/// What came from one instrumentation scope.
pub struct ScopeItems<'a, I> {
    pub scope: Option<&'a InstrumentationScope>,
    pub schema_url: &'a str,
    pub items: &'a [I],
}

impl<I: Item> Tree<'_, I> {
    /// All items.
    pub fn items(&self) -> impl Iterator<Item = &I> {
        self.0.iter().flat_map(|resource| &resource.scopes).flat_map(|scope| scope.items)
    }

    /// Appends the text of verbosity `normal`.
    pub fn normal(&self, out: &mut String) -> fmt::Result {
        let [resource_title, scope_title] = I::NORMAL;
        for (number, of_resource) in self.0.iter().enumerate() {
            write!(out, "{resource_title} #{number}")?;
            schema(out, of_resource.schema_url)?;
            attributes(out, of_resource.resource.map_or(&[], |resource| &resource.attributes))?;
            for of_scope in &of_resource.scopes {
                // The number of the resource, not of the scope: so it is in the Go collector.
                write!(out, "{scope_title} #{number}")?;
                scope(out, of_scope)?;
                of_scope.items.iter().try_for_each(|item| item.normal(out))?;
            }
        }
        Ok(())
    }

    /// Appends the text of verbosity `detailed`.
    pub fn detailed(&self, out: &mut String) -> fmt::Result {
        let [resource_title, scope_title, item_title] = I::DETAILED;
        for (number, of_resource) in self.0.iter().enumerate() {
            writeln!(out, "{resource_title} #{number}\nResource SchemaURL: {}", of_resource.schema_url)?;
            of_resource.resource.map_or(Ok(()), |resource| detailed_resource(out, resource))?;
            for (number, of_scope) in of_resource.scopes.iter().enumerate() {
                writeln!(out, "{scope_title} #{number}\n{scope_title} SchemaURL: {}", of_scope.schema_url)?;
                detailed_scope(out, of_scope.scope)?;
                for (number, item) in of_scope.items.iter().enumerate() {
                    writeln!(out, "{item_title} #{number}")?;
                    item.detailed(out)?;
                }
            }
        }
        Ok(())
    }
}

/// ` name@version [schema] key=value`, each only if it is there.
fn scope<I>(out: &mut String, of: &ScopeItems<'_, I>) -> fmt::Result {
    let (name, version) = of.scope.map_or(("", ""), |scope| (&scope.name, &scope.version));
    if !name.is_empty() || !version.is_empty() {
        write!(out, " {name}")?;
    }
    if !version.is_empty() {
        write!(out, "@{version}")?;
    }
    schema(out, of.schema_url)?;
    attributes(out, of.scope.map_or(&[], |scope| &scope.attributes))
}

fn schema(out: &mut String, url: &str) -> fmt::Result {
    if url.is_empty() { Ok(()) } else { write!(out, " [{url}]") }
}

fn attributes(out: &mut String, attributes: &[KeyValue]) -> fmt::Result {
    if !attributes.is_empty() {
        out.push(' ');
    }
    value::inline(out, ' ', attributes)?;
    out.write_char('\n')
}

fn detailed_resource(out: &mut String, resource: &Resource) -> fmt::Result {
    value::list(out, "", "Resource attributes", &resource.attributes)?;
    if !resource.entity_refs.is_empty() {
        out.push_str("Resource entity refs:\n");
    }
    for (number, entity) in resource.entity_refs.iter().enumerate() {
        writeln!(out, "     -> Entity ref #{number}:\n          -> Type: {}", entity.r#type)?;
        if !entity.schema_url.is_empty() {
            writeln!(out, "          -> Schema URL: {}", entity.schema_url)?;
        }
        for (title, keys) in [("ID keys", &entity.id_keys), ("Description keys", &entity.description_keys)] {
            if !keys.is_empty() {
                writeln!(out, "          -> {title}:")?;
            }
            keys.iter().try_for_each(|key| writeln!(out, "               -> {key}"))?;
        }
    }
    Ok(())
}

fn detailed_scope(out: &mut String, scope: Option<&InstrumentationScope>) -> fmt::Result {
    let (name, version, attributes): (&str, &str, &[_]) =
        scope.map_or(("", "", &[]), |scope| (&scope.name, &scope.version, &scope.attributes));
    writeln!(out, "InstrumentationScope {name} {version}")?;
    value::list(out, "", "InstrumentationScope attributes", attributes)
}
