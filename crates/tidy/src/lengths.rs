//! No function over 70 lines, no file over 700.
//!
//! In all of a crate's folder: source, tests, examples. A function's lines are counted from `fn` to
//! its closing brace: free ones, methods, those of traits. Closures are their function's. A function
//! within another is both its own and the outer one's. Functions that a macro is given or makes are
//! not seen.

use syn::{
    Block, ImplItemFn, Item, ItemFn, ItemImpl, ItemTrait, Signature, TraitItemFn, Type,
    visit::{self, Visit},
};

use crate::{Finding, Tree, exceptions::List, package};

/// The most lines of a function.
pub const FUNCTION_LINES_MAX: usize = 70;
/// The most lines of a file.
pub const FILE_LINES_MAX: usize = 700;

/// Functions and files that are too long. An exception is `PATH LINES` or `PATH FUNCTION LINES`.
pub fn check(tree: &Tree, exceptions: &mut List<'_>) -> Vec<Finding> {
    let packages = match package::members(tree) {
        Ok(packages) => packages,
        Err(finding) => return vec![finding],
    };
    let mut findings = Vec::new();
    for package in packages {
        for (path, text) in tree.under(&package.folder, "rs") {
            findings.extend(file(path, text, exceptions));
            match functions(text) {
                Ok(found) => {
                    findings.extend(found.iter().filter_map(|it| function(path, it, exceptions)));
                }
                Err(error) => findings.push(not_read(path, &error)),
            }
        }
    }
    findings
}

/// A file that cannot be parsed.
pub(crate) fn not_read(path: &str, error: &syn::Error) -> Finding {
    let remedy = "Does it compile? If so, `syn` does not know this syntax: tell aep2-tidy of it.";
    let line = error.span().start().line;
    Finding::new(path, line, format!("cannot be parsed: {error}"), remedy)
}

fn file(path: &str, text: &str, exceptions: &mut List<'_>) -> Option<Finding> {
    let lines = text.lines().count();
    if lines <= FILE_LINES_MAX || exceptions.allows(path, lines) {
        return None;
    }
    let limit = limit(exceptions.number(path), FILE_LINES_MAX);
    let wrong = format!("the file has {lines} lines; {limit}");
    Some(Finding::new(path, 0, wrong, "Which of its parts is an idea of its own? Give it a file."))
}

fn function(path: &str, function: &Function, exceptions: &mut List<'_>) -> Option<Finding> {
    let Function { name, line, lines } = function;
    let place = format!("{path} {name}");
    if *lines <= FUNCTION_LINES_MAX || exceptions.allows(&place, *lines) {
        return None;
    }
    let limit = limit(exceptions.number(&place), FUNCTION_LINES_MAX);
    let wrong = format!("the function `{name}` has {lines} lines; {limit}");
    Some(Finding::new(path, *line, wrong, "Its steps have names: make functions of them."))
}

fn limit(exception: Option<usize>, usual: usize) -> String {
    match exception {
        Some(allowed) => format!("its exception allows {allowed}, and does not grow"),
        None => format!("{usual} are allowed"),
    }
}

/// A function: its name, with its type's before it, where it begins and how many lines it has.
#[derive(Debug, PartialEq, Eq)]
struct Function {
    name: String,
    line: usize,
    lines: usize,
}

fn functions(text: &str) -> syn::Result<Vec<Function>> {
    let mut finder = Finder::default();
    finder.visit_file(&syn::parse_file(text)?);
    Ok(finder.found)
}

#[derive(Default)]
struct Finder {
    /// What stands around: modules, types, functions.
    around: Vec<String>,
    found: Vec<Function>,
}

impl Finder {
    fn within(&mut self, name: String, visit: impl FnOnce(&mut Self)) {
        self.around.push(name);
        visit(self);
        self.around.pop();
    }

    fn add(&mut self, signature: &Signature, body: &Block) {
        let line = signature.fn_token.span.start().line;
        let end = body.brace_token.span.close().end().line;
        let name = [&self.around[..], &[signature.ident.to_string()]].concat().join("::");
        self.found.push(Function { name, line, lines: end - line + 1 });
    }
}

impl<'ast> Visit<'ast> for Finder {
    fn visit_item(&mut self, item: &'ast Item) {
        match item {
            Item::Mod(module) => {
                self.within(module.ident.to_string(), |it| visit::visit_item_mod(it, module));
            }
            _ => visit::visit_item(self, item),
        }
    }

    fn visit_item_impl(&mut self, item: &'ast ItemImpl) {
        self.within(name_of(&item.self_ty), |it| visit::visit_item_impl(it, item));
    }

    fn visit_item_trait(&mut self, item: &'ast ItemTrait) {
        self.within(item.ident.to_string(), |it| visit::visit_item_trait(it, item));
    }

    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        self.add(&item.sig, &item.block);
        self.within(item.sig.ident.to_string(), |it| visit::visit_item_fn(it, item));
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        self.add(&item.sig, &item.block);
        self.within(item.sig.ident.to_string(), |it| visit::visit_impl_item_fn(it, item));
    }

    fn visit_trait_item_fn(&mut self, item: &'ast TraitItemFn) {
        if let Some(body) = &item.default {
            self.add(&item.sig, body);
        }
        self.within(item.sig.ident.to_string(), |it| visit::visit_trait_item_fn(it, item));
    }
}

fn name_of(of: &Type) -> String {
    match of {
        Type::Path(path) => {
            path.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default()
        }
        Type::Reference(reference) => name_of(&reference.elem),
        _ => "impl".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &str) -> Vec<(String, usize, usize)> {
        let found = functions(text).unwrap();
        found.into_iter().map(|Function { name, line, lines }| (name, line, lines)).collect()
    }

    #[test]
    fn functions_are_counted_from_fn_to_brace() {
        let text =
            "/// Docs.\n#[inline]\npub fn long(\n    of: u8,\n) {\n    of;\n}\nfn short() {}\n";
        assert_eq!(named(text), [("long".to_owned(), 3, 5), ("short".to_owned(), 8, 1)]);
    }

    #[test]
    fn those_of_types_traits_and_tests_are_found_with_their_names() {
        let text = "
            impl<T> Of<T> { async fn a() { let no = || { 1 }; fn inner() {} } }
            impl Display for &Of<u8> { fn b() {} }
            trait Does { fn c() {} fn without_body(); }
            #[cfg(test)] mod tests { #[test] fn d() {} }";
        let names: Vec<String> = named(text).into_iter().map(|(name, ..)| name).collect();
        assert_eq!(names, ["Of::a", "Of::a::inner", "Of::b", "Does::c", "tests::d"]);
    }
}
