//! Which language a stack trace is written in.

use super::thrown::{Thrown, bound};
use super::{dotnet, go, java, javascript, php, python, ruby, rust};

/// A language whose stack traces are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Java and those that share its form.
    Java,
    /// Python.
    Python,
    /// JavaScript, wherever it runs.
    JavaScript,
    /// .NET.
    DotNet,
    /// Go.
    Go,
    /// Ruby.
    Ruby,
    /// PHP.
    Php,
    /// Rust.
    Rust,
}

impl Language {
    /// All of them.
    pub const ALL: [Language; 8] = [
        Language::Java,
        Language::Python,
        Language::JavaScript,
        Language::DotNet,
        Language::Go,
        Language::Ruby,
        Language::Php,
        Language::Rust,
    ];

    /// The language of that name: `telemetry.sdk.language`.
    fn named(name: &str) -> Option<Language> {
        Some(match name.to_ascii_lowercase().as_str() {
            "java" | "kotlin" | "scala" | "clojure" | "groovy" => Language::Java,
            "python" => Language::Python,
            "javascript" | "nodejs" | "webjs" | "node" | "js" | "typescript" => Language::JavaScript,
            "dotnet" | ".net" | "csharp" => Language::DotNet,
            "go" | "golang" => Language::Go,
            "ruby" => Language::Ruby,
            "php" => Language::Php,
            "rust" => Language::Rust,
            _ => return None,
        })
    }

    /// The exceptions that `text` tells of, the one it is about first. Any text will do.
    pub fn parse(self, text: &str) -> Vec<Thrown<'_>> {
        let parse = match self {
            Language::Java => java::parse,
            Language::Python => python::parse,
            Language::JavaScript => javascript::parse,
            Language::DotNet => dotnet::parse,
            Language::Go => go::parse,
            Language::Ruby => ruby::parse,
            Language::Php => php::parse,
            Language::Rust => rust::parse,
        };
        let mut all = parse(text);
        bound(&mut all);
        all
    }
}

/// The exceptions that `text` tells of in the language `name`; in the one it looks like, if that is not known or
/// finds nothing.
pub fn parse<'a>(name: &str, text: &'a str) -> Vec<Thrown<'a>> {
    let has_stack = |all: &Vec<Thrown<'_>>| all.iter().any(|thrown| !thrown.stack.is_empty());
    let named = Language::named(name).map(|language| language.parse(text));
    match named {
        Some(all) if has_stack(&all) => all,
        named => {
            let guessed = guess(text).map(|language| language.parse(text)).filter(has_stack);
            guessed.or(named).unwrap_or_default()
        }
    }
}

/// The language that `text` looks like, told by the first line that only one of them writes.
fn guess(text: &str) -> Option<Language> {
    text.lines().find_map(of_line)
}

fn of_line(line: &str) -> Option<Language> {
    let rest = line.trim();
    if rest.ends_with("Traceback (most recent call last):") || rest.starts_with("File \"") {
        return Some(Language::Python);
    }
    if rest.starts_with("goroutine ") && rest.ends_with("]:")
        || rest.contains(".go:") && line.starts_with('\t')
    {
        return Some(Language::Go);
    }
    if line.starts_with("#0 ") {
        return Some(Language::Php);
    }
    if rest.contains(":in `") || rest.contains(":in '") {
        return Some(Language::Ruby);
    }
    if rest.contains(" panicked at ")
        || rest.eq_ignore_ascii_case("stack backtrace:")
        || rest.starts_with("0: ")
    {
        return Some(Language::Rust);
    }
    if rest.starts_with("---> ")
        || rest.starts_with("--- End of ")
        || rest.contains(") in ") && rest.contains(":line ")
    {
        return Some(Language::DotNet);
    }
    let Some(at) = rest.strip_prefix("at ").filter(|_| line.starts_with([' ', '\t'])) else {
        let (name, place) = rest.rsplit_once('@')?;
        return (place.contains("://") && !name.contains(' ')).then_some(Language::JavaScript);
    };
    let place = at.strip_suffix(')').and_then(|at| at.rsplit_once('(')).map_or(at, |(_, place)| place);
    let numbers = place.rsplit(':').take_while(|part| part.bytes().all(|byte| byte.is_ascii_digit())).count();
    let anonymous = ["<anonymous>", "native"].contains(&place) || place.starts_with("index ");
    let java = ["Native Method", "Unknown Source"].contains(&place)
        || [".java", ".kt", ".scala", ".groovy", ".clj", ".php"].iter().any(|end| place.contains(end));
    match numbers {
        2.. => Some(Language::JavaScript),
        _ if anonymous => Some(Language::JavaScript),
        _ if java || line.starts_with('\t') => Some(Language::Java),
        // Without debug information: `   at Demo.H.Run(String a)`.
        _ => line.starts_with("   at ").then_some(Language::DotNet),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_tells_its_language() {
        for (language, text) in [
            (Language::Java, "a.E: x\n\tat demo.A.b(A.java:1)"),
            (Language::Java, "a.E: x\n    at demo.A.b(Native Method)"),
            (Language::Python, "Traceback (most recent call last):\n  File \"a.py\", line 1, in f\nE: x"),
            (Language::JavaScript, "Error: x\n    at f (/srv/a.js:1:2)"),
            (Language::JavaScript, "Error: x\n    at node:internal/a:1:2"),
            (Language::JavaScript, "f@https://a.b/c.js:1:2"),
            (Language::DotNet, "A.E: x\n   at D.H.Run() in /src/H.cs:line 8"),
            (Language::DotNet, "A.E: x\n   at D.H.Run(String a)"),
            (Language::Go, "goroutine 1 [running]:\nmain.f()\n\t/a.go:3 +0x1d"),
            (Language::Go, "boom\nmain.f\n\t/a.go:3"),
            (Language::Ruby, "a.rb:3:in `x': boom (E)\n\tfrom a.rb:1:in `<main>'"),
            (Language::Php, "E: x in /a.php:3\nStack trace:\n#0 /a.php(9): f()\n#1 {main}"),
            (Language::Rust, "stack backtrace:\n   0: app::main\n             at ./a.rs:4:5"),
        ] {
            assert_eq!(guess(text), Some(language), "{text}");
            let all = parse("", text);
            assert!(!all[0].stack.is_empty(), "{text}");
            assert_eq!(parse("swift", text), all, "{text}");
        }
        for text in ["", "words", "ValueError: x", "look at (this)\nat home"] {
            assert_eq!(guess(text), None, "{text}");
        }
    }

    #[test]
    fn a_name_that_finds_nothing_yields_to_the_text() {
        let javascript = "Error: x\n    at f (/srv/a.js:1:2)";
        for name in ["nodejs", "webjs", "javascript", "JavaScript", "java", "python", "erlang", ""] {
            assert_eq!(parse(name, javascript)[0].stack.len(), 1, "{name}");
        }
        assert_eq!(parse("java", "java.lang.E: x")[0].message, "x");
    }
}
