//! The page: a section for each component, a table of its keys, and the keys that several have in common.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use syn::{Fields, ItemStruct};

use super::source::{Former, Found, Kind, Source, serde, words};
use super::value::{Shape, derived, shape, written};

/// A component, and where its code is.
pub struct Component {
    pub name: String,
    pub aliases: Vec<String>,
    /// A file, or a folder.
    pub module: PathBuf,
}

/// Writes the page.
pub struct Page<'a> {
    pub source: &'a Source,
    pub text: String,
    /// Types that more than one component may use, by the key that they are met under first.
    shared: Vec<(String, &'a Found)>,
    /// Tables of keys that are accepted with a warning, of several exporters.
    former: Former,
}

/// The table of one type while it is made.
struct Table<'t> {
    module: &'t Path,
    rows: String,
    ignored: Vec<String>,
}

impl<'a> Page<'a> {
    pub fn new(source: &'a Source, text: String) -> Self {
        Page { source, text, shared: Vec::new(), former: Former::new() }
    }

    /// Adds the section of a component.
    pub fn component(&mut self, component: &Component) {
        let module = &component.module;
        let main = if module.is_dir() { module.join("mod.rs") } else { module.clone() };
        let _ = write!(self.text, "\n### `{}`\n\n", component.name);
        for alias in &component.aliases {
            let _ = write!(self.text, "Also called `{alias}`. ");
        }
        let _ = writeln!(self.text, "{}", first_paragraph(&main));
        let config = if module.is_dir() { module.join("config.rs") } else { main };
        match self.source.find("Config", &config).filter(|found| found.file == config) {
            Some(found) => self.keys(found, module),
            None => self.text.push_str("\nIt has no keys.\n"),
        }
        let mut former = self.source.former(&config).unwrap_or_default();
        let own = former.remove("").unwrap_or_default();
        self.former.extend(former);
        self.said(&own);
    }

    /// Adds what is said of keys that are accepted with a warning.
    fn said(&mut self, keys: &[(String, String)]) {
        if !keys.is_empty() {
            self.text.push_str("\n| Accepted with a warning | What it says |\n|---|---|\n");
        }
        for (key, said) in keys {
            let _ = writeln!(self.text, "| `{key}` | {said} |");
        }
    }

    /// Adds the sections of the shared types.
    pub fn shared(&mut self) {
        let mut at = 0;
        while let Some((name, found)) = self.shared.get(at) {
            let (name, found) = (name.clone(), *found);
            let Kind::Struct(item) = &found.kind else { unreachable!("only structs have keys") };
            let _ =
                write!(self.text, "\n### `{name}`\n\n{}\n", told(&words(&item.attrs), &found.file, &name));
            self.keys(found, &found.file);
            at += 1;
        }
        for (name, keys) in std::mem::take(&mut self.former) {
            let whose = if name == "HTTP_CLIENT" { "exporters that speak HTTP" } else { "all exporters" };
            let _ = write!(self.text, "\n### Of {whose}: {}\n", name.to_lowercase().replace('_', " "));
            self.said(&keys);
        }
    }

    fn keys(&mut self, found: &'a Found, module: &Path) {
        let mut table = Table { module, rows: String::new(), ignored: Vec::new() };
        self.add(found, "", &mut table);
        if !table.rows.is_empty() {
            let head = "\n| Key | Value | Default | Meaning |\n|---|---|---|---|\n";
            let _ = write!(self.text, "{head}{}", table.rows);
        }
        if !table.ignored.is_empty() {
            let _ = writeln!(self.text, "\nAccepted, without an effect: {}.", table.ignored.join(", "));
        }
    }

    fn add(&mut self, found: &'a Found, prefix: &str, table: &mut Table<'_>) {
        let Kind::Struct(item) = &found.kind else { unreachable!("only structs have keys") };
        let ItemStruct { ident, fields: Fields::Named(fields), .. } = item else {
            panic!("{} in {}: what are its keys?", item.ident, found.file.display());
        };
        for field in &fields.named {
            let name = field.ident.as_ref().unwrap().to_string();
            if serde(&field.attrs, "skip").is_some() {
                continue;
            }
            let key = format!("{prefix}{}", serde(&field.attrs, "rename").unwrap_or_else(|| name.clone()));
            let meaning = words(&field.attrs);
            let default = match self.source.default_of(&found.file, &ident.to_string(), &name) {
                Some(value) => written(value, &name, &found.file, self.source),
                None => derived(&field.ty, &found.file, self.source),
            };
            let kind = shape(&field.ty, &found.file, self.source);
            if matches!(kind, Shape::Ignored) && meaning.is_empty() {
                table.ignored.push(format!("`{key}`"));
                continue;
            }
            if serde(&field.attrs, "flatten").is_some() {
                let Shape::Keys(inner) = kind else { panic!("{key}: only keys can be flattened") };
                self.add(inner, prefix, table);
                continue;
            }
            let default = if default.is_empty() { default } else { format!("`{default}`") };
            let meaning = told(&meaning, &found.file, &key);
            let (value, inner) = self.value(kind, &key, &name, table.module);
            let _ =
                writeln!(table.rows, "| `{key}` | {value} | {default} | {} |", meaning.replace('|', "\\|"));
            if let Some((inner, prefix)) = inner {
                self.add(inner, &prefix, table);
            }
        }
    }

    /// What the column says, and the keys that follow in the same table.
    fn value(
        &mut self,
        kind: Shape<'a>,
        key: &str,
        name: &str,
        module: &Path,
    ) -> (String, Option<(&'a Found, String)>) {
        let (found, before, prefix) = match kind {
            Shape::Value(words) => return (words, None),
            Shape::Ignored => return ("anything".into(), None),
            Shape::Keys(found) => (found, "", format!("{key}.")),
            Shape::List(found) => (found, "list of ", format!("{key}[].")),
            Shape::Map(found) => (found, "names, each with ", format!("{key}.NAME.")),
        };
        if found.file.starts_with(module) {
            return (format!("{before}keys"), Some((found, prefix)));
        }
        let at = self.shared.iter().position(|(_, known)| std::ptr::eq(*known, found)).unwrap_or_else(|| {
            self.shared.push((name.to_owned(), found));
            self.shared.len() - 1
        });
        let section = &self.shared[at].0;
        (format!("{before}[keys](#{section})"), None)
    }
}

fn first_paragraph(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    let lines = text.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim);
    let paragraph: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
    assert!(!paragraph.is_empty(), "{}: say at its head what it does", file.display());
    paragraph.join(" ")
}

/// `words`, if there are any, without links that lead nowhere outside the code.
fn told(words: &str, file: &Path, key: &str) -> String {
    assert!(!words.is_empty(), "{}: say what `{key}` means, in its doc comment", file.display());
    assert!(!words.contains("[`"), "{}: `{key}` links to code, which a user does not see", file.display());
    words.to_owned()
}
