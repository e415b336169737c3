//! Types and defaults, in the words of YAML.

use std::path::Path;

use syn::{Expr, GenericArgument, Lit, PathArguments, Type, UnOp};

use super::source::{Found, Kind, Source, variants};

/// What a key holds.
pub enum Shape<'a> {
    /// One value, described.
    Value(String),
    /// Nothing that matters here.
    Ignored,
    /// Keys of its own.
    Keys(&'a Found),
    /// A list of things with keys of their own.
    List(&'a Found),
    /// Names that the user chooses, each with keys of its own.
    Map(&'a Found),
}

/// What a field of type `of` in `file` holds.
pub fn shape<'a>(of: &Type, file: &Path, source: &'a Source) -> Shape<'a> {
    let (name, inner) = parts(of);
    match (name.as_str(), inner.last()) {
        ("Option", Some(inner)) => shape(inner, file, source),
        ("Vec", Some(inner)) => match shape(inner, file, source) {
            Shape::Keys(found) => Shape::List(found),
            Shape::Value(value) => Shape::Value(format!("list of {value}")),
            Shape::Ignored => Shape::Ignored,
            _ => panic!("{}: a list of what?", file.display()),
        },
        ("BTreeMap" | "HashMap", Some(inner)) => match shape(inner, file, source) {
            Shape::Keys(found) => Shape::Map(found),
            Shape::Value(value) => Shape::Value(format!("names, each with {value}")),
            Shape::Ignored => Shape::Ignored,
            _ => panic!("{}: a map of what?", file.display()),
        },
        ("IgnoredAny", _) => Shape::Ignored,
        (name, _) => match simple(name) {
            Some(words) => Shape::Value(words.into()),
            None => match source.find(name, file) {
                Some(found) => match &found.kind {
                    Kind::Struct(_) => Shape::Keys(found),
                    Kind::Enum(item) => {
                        let names: Vec<_> =
                            variants(item).iter().map(|(name, _)| format!("`{name}`")).collect();
                        Shape::Value(names.join(", "))
                    }
                },
                None => panic!("{}: how is a {name} written? Say so in value.rs", file.display()),
            },
        },
    }
}

/// How a value of a type that has no keys is written.
fn simple(name: &str) -> Option<&'static str> {
    Some(match name {
        "String" | "PathBuf" => "text",
        "Secret" => "text, never printed",
        "bool" => "`true`, `false`",
        "f64" | "f32" => "number",
        "u8" | "u16" | "u32" | "u64" | "usize" | "i32" | "i64" => "whole number",
        "Duration" => "duration",
        "Headers" => "map or list of name and value",
        "Endpoint" => "`host:port`",
        "Id" => "id of a component",
        "Value" => "any value",
        "Listed" => "text, or keys",
        "LogLevel" => "`debug`, `info`, `warn`, `error`",
        _ => return None,
    })
}

/// The last name of a type, and what stands in its angle brackets.
fn parts(of: &Type) -> (String, Vec<&Type>) {
    let Type::Path(path) = of else { return Default::default() };
    let last = path.path.segments.last().unwrap();
    let inner = match &last.arguments {
        PathArguments::AngleBracketed(inner) => inner
            .args
            .iter()
            .filter_map(|it| match it {
                GenericArgument::Type(it) => Some(it),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    };
    (last.ident.to_string(), inner)
}

/// The default of a type that derives it: as in YAML, or empty for nothing.
pub fn derived(of: &Type, file: &Path, source: &Source) -> String {
    let (name, _) = parts(of);
    match name.as_str() {
        "bool" => "false".into(),
        "Duration" => "0s".into(),
        name if simple(name) == Some("number") || simple(name) == Some("whole number") => "0".into(),
        name => match source.find(name, file).map(|it| &it.kind) {
            Some(Kind::Enum(item)) => {
                let at = item
                    .variants
                    .iter()
                    .position(|it| it.attrs.iter().any(|attribute| attribute.path().is_ident("default")));
                at.map(|at| variants(item)[at].0.clone()).unwrap_or_default()
            }
            _ => String::new(),
        },
    }
}

/// A default of the source as it would be written in YAML; empty for nothing.
pub fn written(value: &Expr, name: &str, file: &Path, source: &Source) -> String {
    let same = |value: &Expr| written(value, name, file, source);
    let unknown = || -> ! { panic!("{}: {name} has a default that value.rs can't read", file.display()) };
    match value {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => text.value(),
            Lit::Int(number) => number.base10_digits().to_owned(),
            Lit::Float(number) => number.base10_digits().to_owned(),
            Lit::Bool(truth) => truth.value.to_string(),
            _ => unknown(),
        },
        Expr::Unary(syn::ExprUnary { op: UnOp::Neg(_), expr, .. }) => format!("-{}", same(expr)),
        Expr::MethodCall(call) => same(&call.receiver),
        Expr::Field(field) => same(&field.base),
        Expr::Tuple(tuple) => same(tuple.elems.first().unwrap_or_else(|| unknown())),
        Expr::Reference(inner) => same(&inner.expr),
        Expr::Array(array) => {
            let parts: Vec<_> = array.elems.iter().map(same).collect();
            if parts.is_empty() { String::new() } else { format!("[{}]", parts.join(", ")) }
        }
        Expr::Macro(_) | Expr::Struct(_) => String::new(),
        Expr::Path(path) => {
            let names: Vec<_> = path.path.segments.iter().map(|it| it.ident.to_string()).collect();
            let last = names.last().unwrap();
            match (names.len(), source.constant(file, last)) {
                _ if last == "None" || last == "IgnoredAny" || last == "MAX" => String::new(),
                (_, Some(value)) => same(value),
                (2, None) => last.to_lowercase(),
                _ => unknown(),
            }
        }
        Expr::Call(call) => {
            let Expr::Path(path) = &*call.func else { unknown() };
            let names: Vec<_> = path.path.segments.iter().map(|it| it.ident.to_string()).collect();
            let argument = call.args.first().map(same).unwrap_or_default();
            match names.last().unwrap().as_str() {
                "from_secs" => duration(argument.parse().unwrap()),
                "from_millis" => format!("{argument}ms"),
                "localhost" => format!("localhost:{argument}"),
                "Some" | "from" | "new" | "default" => argument,
                _ => unknown(),
            }
        }
        _ => unknown(),
    }
}

fn duration(seconds: u64) -> String {
    match seconds {
        0 => "0s".into(),
        it if it % 60 == 0 => format!("{}m", it / 60),
        it => format!("{it}s"),
    }
}
