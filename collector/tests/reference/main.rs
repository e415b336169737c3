//! `docs/configuration.md` is made of the doc comments and defaults of the types that a configuration is read into,
//! and says nothing that they do not. After a change of those:
//! `UPDATE_GOLDEN=1 cargo test -p collector --test reference`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails panics")]

mod page;
mod source;
mod value;

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use page::{Component, Page};
use source::Source;

const HEAD: &str = "\
# Configuration reference

Made from the source by `UPDATE_GOLDEN=1 cargo test -p collector --test reference`; a test fails when it is stale.

Each key, with what it may hold, and what counts if it is left out (nothing if that column is empty). A key that is not
here is a mistake, and `validate` says so. *Accepted* means: a configuration that has the key works, and the key changes
nothing. A duration is written `300ms`, `1.5s`, `2m30s`, or `0`.
";

/// The sections of a configuration, and the file that lists the components of each.
const LISTS: [(&str, &str); 4] = [
    ("receivers", "receivers/src/lib.rs"),
    ("processors", "processors/src/lib.rs"),
    ("exporters", "exporters/src/lib.rs"),
    ("extensions", "exporters/src/auth/mod.rs"),
];

#[test]
fn the_reference_says_what_the_source_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf();
    let folders = ["config", "pipeline", "receivers", "processors", "exporters"];
    let source = Source::read(&folders.map(|folder| root.join(folder).join("src")));
    let mut page = Page::new(&source, HEAD.into());
    let listed = listed();
    for (section, list) in LISTS {
        let title = format!("{}{}", section[..1].to_uppercase(), &section[1..]);
        let _ = write!(page.text, "\n## {title}\n");
        let mut idle = Vec::new();
        for (_, name, aliases) in listed.iter().filter(|it| it.0 == section) {
            match module(&root.join(list), name) {
                Some(module) => {
                    page.component(&Component { name: name.clone(), aliases: aliases.clone(), module });
                }
                None => idle.push(name),
            }
        }
        if !idle.is_empty() {
            page.text.push_str("\n### Accepted, with any keys\n\n| Name | What is said of it |\n|---|---|\n");
        }
        for name in idle {
            let _ = writeln!(page.text, "| `{name}` | {} |", said_of(name));
        }
    }
    page.text.push_str("\n## Keys that several have\n");
    page.shared();
    compare(&root.join("docs/configuration.md"), &page.text);
}

fn run(arguments: &[&str]) -> (String, String) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_otelcol-lambda")).args(arguments).env_clear().output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr))
}

/// Section, name and aliases of each component, as the binary lists them.
fn listed() -> Vec<(String, String, Vec<String>)> {
    let mut listed: Vec<(String, String, Vec<String>)> = Vec::new();
    let mut section = String::new();
    for line in run(&["components"]).0.lines() {
        if let Some(name) = line.strip_prefix("    - name: ") {
            listed.push((section.clone(), name.into(), Vec::new()));
        } else if let Some(aliases) = line.strip_prefix("      aliases: [") {
            let aliases = aliases.trim_end_matches(']').split(", ").map(String::from);
            listed.last_mut().unwrap().2 = aliases.collect();
        } else if let Some(name) = line.strip_suffix(':') {
            section = name.into();
        }
    }
    assert!(!listed.is_empty());
    listed
}

/// Where the component of that name is built: the module before `::build` in its line of the list.
fn module(list: &Path, name: &str) -> Option<PathBuf> {
    let text = fs::read_to_string(list).unwrap();
    let entry = text.split("Factory::new(").find(|entry| entry.starts_with(&format!("\"{name}\"")))?;
    let path = entry.split("::build").next()?;
    let name = path.rsplit(|letter: char| !(letter.is_alphanumeric() || letter == '_')).next()?;
    let folder = list.parent()?.join(name);
    let file = folder.with_extension("rs");
    let found = if folder.is_dir() { folder } else { file };
    assert!(found.exists(), "{}: where is the code of {name}?", list.display());
    Some(found)
}

/// What `validate` says of an extension that has no effect.
fn said_of(name: &str) -> String {
    let config = format!(
        "yaml:{{receivers: {{otlp: {{protocols: {{http: }}}}}}, exporters: {{debug: }}, extensions: {{{name}: }},
          service: {{extensions: [{name}], pipelines: {{traces: {{receivers: [otlp], exporters: [debug]}}}}}}}}"
    );
    let said = run(&["--config", &config, "validate"]).1;
    let start = format!("extensions.{name}: ");
    let line =
        said.lines().find_map(|line| line.split_once(&start)).unwrap_or_else(|| panic!("{name}: {said}"));
    line.1.to_owned()
}

/// Compares with a file, or writes it if UPDATE_GOLDEN is set.
fn compare(file: &Path, actual: &str) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        return fs::write(file, actual).unwrap();
    }
    let expected = fs::read_to_string(file).unwrap_or_default();
    let place = actual.lines().zip(expected.lines()).find(|(new, old)| new != old);
    assert!(actual == expected, "{} is stale: {place:?}; run with UPDATE_GOLDEN=1", file.display());
}
