//! The source code as far as a configuration is told by it: types with their words, defaults, constants.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use syn::{Attribute, Expr, Fields, Item, ItemEnum, ItemStruct, Meta, Type};

/// One type of the source.
pub struct Found {
    pub file: PathBuf,
    pub kind: Kind,
}

pub enum Kind {
    Struct(ItemStruct),
    Enum(ItemEnum),
}

/// All types, `Default`s and constants, by name.
#[derive(Default)]
pub struct Source {
    types: BTreeMap<String, Vec<Found>>,
    defaults: BTreeMap<(PathBuf, String), Expr>,
    constants: BTreeMap<(PathBuf, String), Expr>,
}

impl Source {
    /// Reads all files below the folders.
    pub fn read(folders: &[PathBuf]) -> Source {
        let mut source = Source::default();
        folders.iter().for_each(|folder| source.read_folder(folder));
        source
    }

    fn read_folder(&mut self, folder: &Path) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                self.read_folder(&path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                let file = syn::parse_file(&fs::read_to_string(&path).unwrap()).unwrap();
                file.items.into_iter().for_each(|item| self.add(&path, item));
            }
        }
    }

    fn add(&mut self, path: &Path, item: Item) {
        let file = path.to_path_buf();
        match item {
            Item::Struct(it) if derives(&it.attrs, "Deserialize") => {
                self.add_type(it.ident.to_string(), Found { file, kind: Kind::Struct(it) });
            }
            Item::Enum(it) => self.add_type(it.ident.to_string(), Found { file, kind: Kind::Enum(it) }),
            Item::Const(it) => drop(self.constants.insert((file, it.ident.to_string()), *it.expr)),
            Item::Impl(it) if is_default(&it) => {
                let Type::Path(name) = &*it.self_ty else { return };
                let name = name.path.segments.last().unwrap().ident.to_string();
                for item in it.items {
                    let syn::ImplItem::Fn(mut function) = item else { continue };
                    if let Some(syn::Stmt::Expr(value, None)) = function.block.stmts.pop() {
                        self.defaults.insert((file.clone(), name.clone()), value);
                    }
                }
            }
            _ => {}
        }
    }

    fn add_type(&mut self, name: String, found: Found) {
        self.types.entry(name).or_default().push(found);
    }

    /// The type of that name which is nearest to `file`: in it, in its folder, in its crate, anywhere.
    pub fn find(&self, name: &str, file: &Path) -> Option<&Found> {
        let shared = |found: &&Found| {
            let same = found.file.components().zip(file.components()).take_while(|(a, b)| a == b).count();
            (found.file == file, same)
        };
        self.types.get(name)?.iter().max_by_key(shared)
    }

    /// What `Default` gives a field of that type; nothing if it is derived.
    pub fn default_of(&self, file: &Path, name: &str, field: &str) -> Option<&Expr> {
        let Expr::Struct(value) = self.defaults.get(&(file.to_path_buf(), name.to_owned()))? else {
            panic!("the Default of {name} in {} is no struct that one can read", file.display());
        };
        let given =
            value.fields.iter().find(|it| matches!(&it.member, syn::Member::Named(name) if name == field));
        Some(&given.unwrap_or_else(|| panic!("{field} is not in the Default of {name}")).expr)
    }

    /// The keys that a table of the source says something of, and what that is, by the name of the table; `own` are
    /// those of the constant `FORMER` in `file` itself.
    pub fn former(&self, file: &Path) -> Option<Former> {
        let mut former = Former::default();
        self.add_former(file, self.constant(file, "FORMER")?, "", &mut former);
        Some(former)
    }

    fn add_former(&self, file: &Path, value: &Expr, table: &str, former: &mut Former) {
        match value {
            Expr::Reference(it) => self.add_former(file, &it.expr, table, former),
            Expr::Array(it) => it.elems.iter().for_each(|each| self.add_former(file, each, table, former)),
            Expr::Path(it) => {
                let name = it.path.segments.last().unwrap().ident.to_string();
                let (of, value) = self.nearest(file, &name);
                let table = if matches!(value, Expr::Array(_)) { &name } else { table };
                self.add_former(of, value, table, former);
            }
            Expr::Tuple(it) => {
                let (Some(key), Expr::Call(became)) = (text(&it.elems[0]), &it.elems[1]) else {
                    panic!("{}: a key and what became of it are expected", file.display());
                };
                let Expr::Path(kind) = &*became.func else { panic!("{key}: what became of it?") };
                let why = match &became.args[0] {
                    Expr::Path(name) => {
                        text(self.nearest(file, &name.path.require_ident().unwrap().to_string()).1)
                    }
                    value => text(value),
                };
                let why = why.unwrap_or_else(|| panic!("{key}: why?"));
                let kind = kind.path.segments.last().unwrap().ident.to_string();
                let said = match kind.as_str() {
                    "Now" => format!("retired: write `{why}`"),
                    "AlwaysTrue" => format!("always true here: {why}"),
                    _ => format!("changes nothing here: {why}"),
                };
                former.entry(table.to_owned()).or_default().push((key, said));
            }
            _ => panic!("{}: a table of keys is expected", file.display()),
        }
    }

    /// The constant of that name, in `file` if it is there, and the file that it is in.
    fn nearest(&self, file: &Path, name: &str) -> (&Path, &Expr) {
        let here = self.constants.get_key_value(&(file.to_path_buf(), name.to_owned()));
        let found = here.or_else(|| self.constants.iter().find(|((_, its), _)| its == name));
        let ((of, _), value) = found.unwrap_or_else(|| panic!("{}: what is {name}?", file.display()));
        (of, value)
    }

    /// The constant of that name in `file`.
    pub fn constant(&self, file: &Path, name: &str) -> Option<&Expr> {
        self.constants.get(&(file.to_path_buf(), name.to_owned()))
    }
}

/// Keys, and what is said of each when it is found, by the name of the table that they share; that of one's own has none.
pub type Former = BTreeMap<String, Vec<(String, String)>>;

fn is_default(item: &syn::ItemImpl) -> bool {
    item.trait_.as_ref().is_some_and(|it| it.0.segments.last().is_some_and(|it| it.ident == "Default"))
}

fn derives(attributes: &[Attribute], name: &str) -> bool {
    attributes.iter().filter(|it| it.path().is_ident("derive")).any(|it| {
        let mut found = false;
        let _ = it.parse_nested_meta(|meta| {
            found |= meta.path.segments.last().is_some_and(|last| last.ident == name);
            Ok(())
        });
        found
    })
}

/// The documentation in `attributes`, as one line of Markdown.
pub fn words(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|it| match &it.meta {
        Meta::NameValue(it) if it.path.is_ident("doc") => text(&it.value),
        _ => None,
    });
    let lines: Vec<_> = lines.map(|line| line.trim().to_owned()).collect();
    lines.join(" ").trim().to_owned()
}

/// The value of `key` in the `serde` attributes: the text, or an empty one for a flag.
pub fn serde(attributes: &[Attribute], key: &str) -> Option<String> {
    let mut found = None;
    for attribute in attributes.iter().filter(|it| it.path().is_ident("serde")) {
        let read = attribute.parse_nested_meta(|meta| {
            let value = match meta.value() {
                Ok(value) => value.parse::<syn::LitStr>()?.value(),
                Err(_) => String::new(),
            };
            if meta.path.is_ident(key) {
                found = Some(value);
            }
            Ok(())
        });
        read.unwrap();
    }
    found
}

/// A text in the source.
pub fn text(value: &Expr) -> Option<String> {
    match value {
        Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
        _ => None,
    }
}

/// The names that YAML has for the variants of `item`, with their words.
pub fn variants(item: &ItemEnum) -> Vec<(String, String)> {
    let snake = serde(&item.attrs, "rename_all").is_some_and(|it| it == "snake_case");
    let name = |variant: &syn::Variant| {
        let mut name = String::new();
        for letter in variant.ident.to_string().chars() {
            if snake && letter.is_uppercase() && !name.is_empty() {
                name.push('_');
            }
            name.extend(letter.to_lowercase());
        }
        serde(&variant.attrs, "rename").unwrap_or(name)
    };
    let simple = |variant: &&syn::Variant| matches!(variant.fields, Fields::Unit);
    item.variants.iter().filter(simple).map(|it| (name(it), words(&it.attrs))).collect()
}
