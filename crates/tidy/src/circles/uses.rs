//! What each file takes: every path in its code.

use std::collections::BTreeSet;

use proc_macro2::{Spacing, TokenStream, TokenTree};
use syn::{
    Attribute, Block, ExprPath, Field, ImplItem, ImplItemFn, Item, ItemFn, ItemUse, Macro, Meta,
    PatIdent, PatTupleStruct, Stmt, TraitItemFn, TypePath, Visibility,
    visit::{self, Visit},
};

use super::{
    graph::Graph,
    resolve::Target,
    scopes::{Kinds, Path, ScopeId, Scopes, attributes, imports, only_for_tests},
};

/// Keys of attributes whose value is a path in a string.
const PATHS_IN_STRINGS: [&str; 10] = [
    "default",
    "deserialize_with",
    "from",
    "getter",
    "into",
    "remote",
    "serialize_with",
    "skip_serializing_if",
    "try_from",
    "with",
];

/// What the files of a package take from each other.
pub(super) fn graph(mut scopes: Scopes) -> Graph {
    let sources = std::mem::take(&mut scopes.sources);
    let mut visitor = Visitor {
        scopes,
        scope: 0,
        bound: BTreeSet::new(),
        in_shown_use: false,
        graph: Graph::default(),
    };
    for (scope, file) in &sources {
        visitor.scope = *scope;
        visitor.visit_file(file);
    }
    visitor.graph
}

struct Visitor {
    scopes: Scopes,
    /// Where the visitor is.
    scope: ScopeId,
    /// The variables of the function that it is in.
    bound: BTreeSet<String>,
    /// Whether it is in a `use` that shows what it takes to others.
    in_shown_use: bool,
    graph: Graph,
}

impl Visitor {
    fn take(&mut self, path: &Path, kinds: Kinds, line: usize) {
        for target in self.scopes.resolve(self.scope, path, kinds) {
            if let Target::Item { file, name } = target {
                self.add(&file, &name, line);
            }
        }
    }

    fn add(&mut self, from: &str, name: &str, line: usize) {
        let by = &self.scopes.scopes[self.scope].file;
        self.graph.add(by, from, name, line, self.in_shown_use);
    }

    fn take_path(&mut self, path: &syn::Path, kinds: Kinds) {
        let Some(first) = path.segments.first() else { return };
        let line = first.ident.span().start().line;
        let path = Path::of(path);
        let is_variable = path.segments.len() == 1 && self.bound.contains(&path.segments[0]);
        if !(is_variable && kinds == Kinds::VALUES) {
            self.take(&path, kinds, line);
        }
    }

    /// A macro's path. One that is in sight by its place in the text is found by its name.
    fn take_macro(&mut self, path: &Path, line: usize) {
        let known = self.scopes.resolve(self.scope, path, Kinds::MACROS);
        let by_text = match (&known[..], &path.segments[..]) {
            ([Target::Outside], [name]) => self.scopes.macros.get(name),
            _ => None,
        };
        match by_text.map(|files| files.iter().collect::<Vec<_>>()).as_deref() {
            Some([file]) => {
                let (file, name) = ((*file).clone(), path.segments[0].clone());
                self.add(&file, &name, line);
            }
            _ => self.take(path, Kinds::MACROS, line),
        }
    }

    fn take_use(&mut self, item: &ItemUse) {
        self.in_shown_use = !matches!(item.vis, Visibility::Inherited);
        for import in imports(&item.tree) {
            let path = Path { absolute: item.leading_colon.is_some(), segments: import.path };
            if import.name.is_some() {
                self.take(&path, Kinds::ALL, import.line);
                continue;
            }
            // Of a glob, the names that are used are taken where they are used. A glob that shows
            // them to others takes them all.
            for target in self.scopes.resolve(self.scope, &path, Kinds::TYPES) {
                match target {
                    Target::Item { file, name } => self.add(&file, &name, import.line),
                    Target::Module(module)
                        if self.in_shown_use && self.scopes.scopes[module].has_own() =>
                    {
                        let file = self.scopes.scopes[module].file.clone();
                        self.add(&file, "*", import.line);
                    }
                    Target::Module(_) | Target::Outside => {}
                }
            }
        }
        self.in_shown_use = false;
    }

    fn in_scope(&mut self, scope: ScopeId, visit: impl FnOnce(&mut Self)) {
        let outer = std::mem::replace(&mut self.scope, scope);
        visit(self);
        self.scope = outer;
    }

    fn in_function(&mut self, variables: BTreeSet<String>, visit: impl FnOnce(&mut Self)) {
        let outer = self.bound.clone();
        self.bound.extend(variables);
        visit(self);
        self.bound = outer;
    }

    /// Paths among a macro's tokens: of several names, or of one that begins with a capital.
    fn take_tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            at = match &tokens[at] {
                TokenTree::Group(group) => {
                    self.take_tokens(group.stream());
                    at + 1
                }
                TokenTree::Ident(_) => self.take_path_at(&tokens, at),
                TokenTree::Punct(_) | TokenTree::Literal(_) => at + 1,
            };
        }
    }

    /// Takes the path that begins at this token; where it ends.
    fn take_path_at(&mut self, tokens: &[TokenTree], begin: usize) -> usize {
        let (segments, end) = path_at(tokens, begin);
        let line = tokens[begin].span().start().line;
        let follows = |nth: usize, char: char| is_punct(tokens.get(end + nth), char);
        let before =
            |nth: usize, char: char| begin >= nth && is_punct(tokens.get(begin - nth), char);
        let of_value = before(1, '.') && !before(2, '.');
        let of_type = before(1, ':') && before(2, ':');
        let lifetime = before(1, '\'');
        let named =
            segments.len() > 1 || segments[0].starts_with(|first: char| first.is_uppercase());
        let path = Path { absolute: false, segments };
        if of_value || of_type || lifetime {
            // Not the beginning of a path.
        } else if follows(0, '!') && !follows(1, '=') {
            self.take_macro(&path, line);
        } else if named {
            self.take(&path, Kinds::ALL, line);
        }
        end
    }

    /// Paths that begin with `crate` among the tokens of a `macro_rules!`. Its other names mean
    /// something where it is invoked.
    fn take_rules(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        for (at, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Group(group) => self.take_rules(group.stream()),
                TokenTree::Ident(word) if word == "crate" => {
                    self.take_path_at(&tokens, at);
                }
                _ => {}
            }
        }
    }

    /// Paths in an attribute, some of them in strings.
    fn take_attribute(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        for window in tokens.windows(3) {
            let [TokenTree::Ident(key), TokenTree::Punct(equals), TokenTree::Literal(value)] =
                window
            else {
                continue;
            };
            if equals.as_char() == '=' && PATHS_IN_STRINGS.iter().any(|name| key == name) {
                let text = value.to_string();
                let path = text.trim_matches('"').split('<').next().unwrap_or_default();
                let segments = path.trim_end_matches(':').split("::").map(str::to_owned).collect();
                let path = Path { absolute: false, segments };
                self.take_with_modules(&path, value.span().start().line);
            }
        }
        self.take_tokens(tokens.into_iter().collect());
    }

    /// A path that may mean a module, whose functions are taken then.
    fn take_with_modules(&mut self, path: &Path, line: usize) {
        for target in self.scopes.resolve(self.scope, path, Kinds::ALL) {
            match target {
                Target::Item { file, name } => self.add(&file, &name, line),
                Target::Module(module) => {
                    let file = self.scopes.scopes[module].file.clone();
                    let name = path.segments.last().cloned().unwrap_or_default();
                    self.add(&file, &name, line);
                }
                Target::Outside => {}
            }
        }
    }
}

impl<'ast> Visit<'ast> for Visitor {
    fn visit_item(&mut self, item: &'ast Item) {
        if only_for_tests(attributes(item)) {
            return;
        }
        match item {
            Item::Use(item) => self.take_use(item),
            Item::Mod(module) => {
                let line = module.ident.span().start().line;
                if let Some(inside) = self.scopes.inline.get(&(self.scope, line)) {
                    self.in_scope(*inside, |it| visit::visit_item_mod(it, module));
                }
            }
            Item::Macro(item) if item.ident.is_some() => {
                self.take_rules(item.mac.tokens.clone());
            }
            _ => visit::visit_item(self, item),
        }
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let attributes = match item {
            ImplItem::Fn(item) => &item.attrs[..],
            ImplItem::Const(item) => &item.attrs[..],
            _ => &[],
        };
        if !only_for_tests(attributes) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_field(&mut self, field: &'ast Field) {
        if !only_for_tests(&field.attrs) {
            visit::visit_field(self, field);
        }
    }

    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        self.in_function(variables(|it| it.visit_item_fn(item)), |it| {
            visit::visit_item_fn(it, item);
        });
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        self.in_function(variables(|it| it.visit_impl_item_fn(item)), |it| {
            visit::visit_impl_item_fn(it, item);
        });
    }

    fn visit_trait_item_fn(&mut self, item: &'ast TraitItemFn) {
        self.in_function(variables(|it| it.visit_trait_item_fn(item)), |it| {
            visit::visit_trait_item_fn(it, item);
        });
    }

    fn visit_block(&mut self, block: &'ast Block) {
        let items: Vec<&Item> = block
            .stmts
            .iter()
            .filter_map(|statement| match statement {
                Stmt::Item(item) => Some(item),
                _ => None,
            })
            .collect();
        if items.is_empty() {
            return visit::visit_block(self, block);
        }
        let scope = self.scopes.add_block(self.scope, &items);
        self.in_scope(scope, |it| visit::visit_block(it, block));
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.take_path(path, Kinds::TYPES);
        visit::visit_path(self, path);
    }

    fn visit_type_path(&mut self, of: &'ast TypePath) {
        // In `<A as B>::C` only `A` and `B` are paths of their own; `B::C` leads to `B`.
        match &of.qself {
            Some(own) if own.position == 0 => self.visit_type(&own.ty),
            _ => visit::visit_type_path(self, of),
        }
    }

    fn visit_expr_path(&mut self, of: &'ast ExprPath) {
        if let Some(own) = &of.qself {
            self.visit_type(&own.ty);
        }
        if of.qself.as_ref().is_none_or(|own| own.position > 0) {
            self.take_path(&of.path, Kinds::VALUES);
        }
        visit::visit_path(self, &of.path);
    }

    fn visit_pat_tuple_struct(&mut self, of: &'ast PatTupleStruct) {
        self.take_path(&of.path, Kinds::VALUES);
        visit::visit_path(self, &of.path);
        of.elems.iter().for_each(|pattern| self.visit_pat(pattern));
    }

    fn visit_pat_ident(&mut self, of: &'ast PatIdent) {
        // A constant or a unit struct, if its name is in sight; else a new variable.
        let name = of.ident.to_string();
        if name.starts_with(|first: char| first.is_uppercase()) {
            let path = Path { absolute: false, segments: vec![name] };
            self.take(&path, Kinds::VALUES, of.ident.span().start().line);
        }
        visit::visit_pat_ident(self, of);
    }

    fn visit_macro(&mut self, of: &'ast Macro) {
        if let Some(first) = of.path.segments.first() {
            self.take_macro(&Path::of(&of.path), first.ident.span().start().line);
        }
        self.take_tokens(of.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if let Meta::List(list) = &attribute.meta {
            self.take_attribute(list.tokens.clone());
        }
    }

    fn visit_visibility(&mut self, _: &'ast Visibility) {}
}

/// The names of the variables in what is visited.
fn variables(visit: impl FnOnce(&mut Variables)) -> BTreeSet<String> {
    let mut variables = Variables::default();
    visit(&mut variables);
    variables.0
}

#[derive(Default)]
struct Variables(BTreeSet<String>);

impl<'ast> Visit<'ast> for Variables {
    fn visit_pat_ident(&mut self, of: &'ast PatIdent) {
        let name = of.ident.to_string();
        if !name.starts_with(|first: char| first.is_uppercase()) {
            self.0.insert(name);
        }
        visit::visit_pat_ident(self, of);
    }
}

/// The names of the path that begins at a token, and where it ends.
fn path_at(tokens: &[TokenTree], begin: usize) -> (Vec<String>, usize) {
    let mut segments = vec![tokens[begin].to_string()];
    let mut end = begin + 1;
    while let [TokenTree::Punct(first), TokenTree::Punct(second), TokenTree::Ident(name), ..] =
        &tokens[end..]
    {
        let double =
            first.as_char() == ':' && first.spacing() == Spacing::Joint && second.as_char() == ':';
        if !double {
            break;
        }
        segments.push(name.to_string());
        end += 3;
    }
    (segments, end)
}

fn is_punct(token: Option<&TokenTree>, char: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == char)
}
