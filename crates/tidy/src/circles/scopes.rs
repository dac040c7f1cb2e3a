//! A crate's modules, and what each name in them means.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};
use syn::{Attribute, Fields, ForeignItem, Item, ItemMacro, ItemMod, Meta, UseTree};

use crate::Tree;

/// A scope's place in [`Scopes`].
pub(super) type ScopeId = usize;

/// Rust's three namespaces, as a set: one name may mean a type, a value and a macro.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Kinds(u8);

impl Kinds {
    /// Modules, structs, enums, traits, aliases.
    pub(super) const TYPES: Self = Self(1);
    /// Functions, constants, constructors.
    pub(super) const VALUES: Self = Self(2);
    pub(super) const MACROS: Self = Self(4);
    pub(super) const ALL: Self = Self(7);

    const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn meet(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// A path as it is written, without generic arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path {
    /// Whether `::` stands before it.
    pub(super) absolute: bool,
    pub(super) segments: Vec<String>,
}

impl Path {
    pub(super) fn of(path: &syn::Path) -> Self {
        let segments = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        Self { absolute: path.leading_colon.is_some(), segments }
    }
}

/// What a name means in its scope.
#[derive(Debug)]
pub(super) enum Meaning {
    /// A module.
    Module(ScopeId),
    /// An item that is defined here.
    Own,
    /// Whatever this path means.
    Import(Path),
}

/// A module, or a block that has items of its own.
#[derive(Debug)]
pub(super) struct Scope {
    pub(super) file: String,
    /// The module around a module; none around the crate's root.
    pub(super) parent: Option<ScopeId>,
    /// The scope around a block, whose names are the block's too.
    pub(super) around: Option<ScopeId>,
    pub(super) names: BTreeMap<String, Vec<(Kinds, Meaning)>>,
    pub(super) globs: Vec<Path>,
}

impl Scope {
    fn add(&mut self, name: String, kinds: Kinds, meaning: Meaning) {
        self.names.entry(name).or_default().push((kinds, meaning));
    }

    /// Whether an item is defined here.
    pub(super) fn has_own(&self) -> bool {
        self.names.values().flatten().any(|(_, meaning)| matches!(meaning, Meaning::Own))
    }
}

/// The scopes of a package's library and programs.
#[derive(Default)]
pub(super) struct Scopes {
    pub(super) scopes: Vec<Scope>,
    /// The library's name and root.
    pub(super) library: Option<(String, ScopeId)>,
    /// The files that define a `macro_rules!` of this name.
    pub(super) macros: BTreeMap<String, BTreeSet<String>>,
    /// The modules within a file, by the scope and the line that declare them.
    pub(super) inline: BTreeMap<(ScopeId, usize), ScopeId>,
    /// The modules that are files, with what is in them.
    pub(super) sources: Vec<(ScopeId, syn::File)>,
    pub(super) files: BTreeSet<String>,
    /// Files that only tests are compiled with.
    pub(super) for_tests: BTreeSet<String>,
    pub(super) unread: Vec<(String, syn::Error)>,
    /// Modules without a file: the declaring file, the line, the name.
    pub(super) missing: Vec<(String, usize, String)>,
}

/// Where the modules that a file declares have their files.
#[derive(Clone)]
struct Folder<'t> {
    tree: &'t Tree,
    path: String,
    for_tests: bool,
}

impl Scopes {
    /// Adds a crate: its root file and all of its modules. `library` is its name, if it is one.
    pub(super) fn add_root(&mut self, tree: &Tree, path: &str, library: Option<String>) {
        let folder = parent_folder(path);
        let root = self.add_file(path, None, &Folder { tree, path: folder, for_tests: false });
        if let (Some(root), Some(name)) = (root, library) {
            self.library = Some((name, root));
        }
    }

    /// Adds a scope for a block with these items.
    pub(super) fn add_block(&mut self, around: ScopeId, items: &[&Item]) -> ScopeId {
        let file = self.scopes[around].file.clone();
        let block = self.add_scope(file, self.scopes[around].parent, Some(around));
        for item in items {
            self.declare(block, item, None);
        }
        block
    }

    fn add_scope(
        &mut self,
        file: String,
        parent: Option<ScopeId>,
        around: Option<ScopeId>,
    ) -> ScopeId {
        let (names, globs) = (BTreeMap::new(), Vec::new());
        self.scopes.push(Scope { file, parent, around, names, globs });
        self.scopes.len() - 1
    }

    fn add_file(
        &mut self,
        path: &str,
        parent: Option<ScopeId>,
        folder: &Folder<'_>,
    ) -> Option<ScopeId> {
        let seen = if folder.for_tests { &mut self.for_tests } else { &mut self.files };
        seen.insert(path.to_owned());
        match syn::parse_file(folder.tree.text(path)?) {
            Ok(file) => {
                let module = self.add_scope(path.to_owned(), parent, None);
                for item in &file.items {
                    self.declare(module, item, Some(folder));
                }
                if !folder.for_tests {
                    self.sources.push((module, file));
                }
                Some(module)
            }
            Err(error) => {
                self.unread.push((path.to_owned(), error));
                None
            }
        }
    }

    fn declare(&mut self, scope: ScopeId, item: &Item, folder: Option<&Folder<'_>>) {
        let for_tests = only_for_tests(attributes(item));
        match item {
            Item::Mod(module) => self.declare_module(scope, module, folder, for_tests),
            _ if for_tests => {}
            Item::Use(item) => {
                for import in imports(&item.tree) {
                    let path =
                        Path { absolute: item.leading_colon.is_some(), segments: import.path };
                    match import.name {
                        Some(name) => {
                            self.scopes[scope].add(name, Kinds::ALL, Meaning::Import(path));
                        }
                        None => self.scopes[scope].globs.push(path),
                    }
                }
            }
            Item::Macro(item) => self.declare_macro(scope, item),
            Item::ForeignMod(block) => {
                for item in &block.items {
                    if let ForeignItem::Fn(item) = item {
                        let name = item.sig.ident.to_string();
                        self.scopes[scope].add(name, Kinds::VALUES, Meaning::Own);
                    }
                }
            }
            _ => {
                if let Some((name, kinds)) = defined(item) {
                    self.scopes[scope].add(name, kinds, Meaning::Own);
                }
            }
        }
    }

    fn declare_macro(&mut self, scope: ScopeId, item: &ItemMacro) {
        let Some(name) = item.ident.as_ref().map(ToString::to_string) else { return };
        let file = self.scopes[scope].file.clone();
        self.macros.entry(name.clone()).or_default().insert(file);
        self.scopes[scope].add(name, Kinds::MACROS, Meaning::Own);
    }

    fn declare_module(
        &mut self,
        scope: ScopeId,
        module: &ItemMod,
        folder: Option<&Folder<'_>>,
        for_tests: bool,
    ) {
        let name = module.ident.to_string();
        let line = module.ident.span().start().line;
        let within = folder.map(|folder| Folder {
            path: format!("{}/{name}", folder.path),
            for_tests: folder.for_tests || for_tests,
            ..folder.clone()
        });
        let child = match (&module.content, &within) {
            (Some((_, items)), _) => {
                let around = module_of(&self.scopes, scope);
                let child = self.add_scope(self.scopes[scope].file.clone(), Some(around), None);
                self.inline.insert((scope, line), child);
                for item in items {
                    self.declare(child, item, within.as_ref());
                }
                Some(child)
            }
            (None, Some(within)) => {
                let beside = format!("{}.rs", within.path);
                let inside = format!("{}/mod.rs", within.path);
                match [beside, inside].into_iter().find(|path| within.tree.contains(path)) {
                    Some(path) => self.add_file(&path, Some(scope), within),
                    None => {
                        let file = self.scopes[scope].file.clone();
                        self.missing.push((file, line, name.clone()));
                        None
                    }
                }
            }
            (None, None) => None,
        };
        if let (Some(child), false) = (child, for_tests) {
            self.scopes[scope].add(name, Kinds::TYPES, Meaning::Module(child));
        }
    }
}

/// The module that a scope is, or that its block is in.
pub(super) fn module_of(scopes: &[Scope], scope: ScopeId) -> ScopeId {
    scopes[scope].around.map_or(scope, |around| module_of(scopes, around))
}

/// A name that a `use` brings, or a glob that has none.
pub(super) struct Import {
    pub(super) name: Option<String>,
    pub(super) path: Vec<String>,
    pub(super) line: usize,
}

/// What a `use` brings.
pub(super) fn imports(tree: &UseTree) -> Vec<Import> {
    fn walk(tree: &UseTree, before: &[String], into: &mut Vec<Import>) {
        let after = |name: String| match (name.as_str(), before) {
            ("self", [_, ..]) => before.to_vec(),
            _ => [before, &[name]].concat(),
        };
        match tree {
            UseTree::Path(path) => walk(&path.tree, &after(path.ident.to_string()), into),
            UseTree::Group(group) => group.items.iter().for_each(|tree| walk(tree, before, into)),
            UseTree::Name(name) => {
                let path = after(name.ident.to_string());
                let line = name.ident.span().start().line;
                into.push(Import { name: path.last().cloned(), path, line });
            }
            UseTree::Rename(rename) => {
                let path = after(rename.ident.to_string());
                let line = rename.ident.span().start().line;
                into.push(Import { name: Some(rename.rename.to_string()), path, line });
            }
            UseTree::Glob(glob) => {
                let line = glob.star_token.spans[0].start().line;
                into.push(Import { name: None, path: before.to_vec(), line });
            }
        }
    }
    let mut found = Vec::new();
    walk(tree, &[], &mut found);
    found
}

/// Whether `#[cfg(test)]` is among the attributes.
pub(super) fn only_for_tests(attributes: &[Attribute]) -> bool {
    fn has_test(tokens: TokenStream) -> bool {
        let mut negated = false;
        tokens.into_iter().any(|token| match token {
            TokenTree::Ident(word) => {
                negated = word == "not";
                word == "test"
            }
            TokenTree::Group(group) => !negated && has_test(group.stream()),
            _ => false,
        })
    }
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) => list.path.is_ident("cfg") && has_test(list.tokens.clone()),
        _ => false,
    })
}

/// The name of an item that is neither module, import nor macro.
fn defined(item: &Item) -> Option<(String, Kinds)> {
    let (name, kinds) = match item {
        Item::Const(item) => (&item.ident, Kinds::VALUES),
        Item::Static(item) => (&item.ident, Kinds::VALUES),
        Item::Fn(item) => (&item.sig.ident, Kinds::VALUES),
        Item::Enum(item) => (&item.ident, Kinds::TYPES),
        Item::Trait(item) => (&item.ident, Kinds::TYPES),
        Item::TraitAlias(item) => (&item.ident, Kinds::TYPES),
        Item::Type(item) => (&item.ident, Kinds::TYPES),
        Item::Union(item) => (&item.ident, Kinds::TYPES),
        Item::Struct(item) => match item.fields {
            Fields::Named(_) => (&item.ident, Kinds::TYPES),
            Fields::Unnamed(_) | Fields::Unit => (&item.ident, Kinds::TYPES.and(Kinds::VALUES)),
        },
        _ => return None,
    };
    Some((name.to_string(), kinds))
}

/// An item's attributes.
pub(super) fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::ForeignMod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::TraitAlias(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn parent_folder(path: &str) -> String {
    path.rsplit_once('/').map_or(String::new(), |(folder, _)| folder.to_owned())
}
