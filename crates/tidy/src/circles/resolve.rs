//! From a path to the file that defines what it means.

use super::scopes::{Kinds, Meaning, Path, ScopeId, Scopes, module_of};

/// What a path leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A module of the crate.
    Module(ScopeId),
    /// An item, or something of an item's (a variant, an associated function), and its file.
    Item {
        /// The file.
        file: String,
        /// The item's name there.
        name: String,
    },
    /// Something of another crate, or a name that is not the crate's to know.
    Outside,
}

impl Scopes {
    /// What a path means that is written in this scope. Several things where a name has several
    /// kinds, or where `cfg` chooses.
    pub(super) fn resolve(&self, scope: ScopeId, path: &Path, kinds: Kinds) -> Vec<Target> {
        Search { scopes: self, under_way: Vec::new() }.path(scope, path, kinds)
    }
}

struct Search<'a> {
    scopes: &'a Scopes,
    /// The names that are being looked up: imports may name each other in circles.
    under_way: Vec<(ScopeId, String, Kinds)>,
}

impl Search<'_> {
    fn path(&mut self, scope: ScopeId, path: &Path, kinds: Kinds) -> Vec<Target> {
        let Some((first, rest)) = path.segments.split_first() else { return Vec::new() };
        let last = path.segments.len() - 1;
        let kinds_of = |nth: usize| if nth == last { kinds } else { Kinds::TYPES };

        let mut found = self.first(scope, path.absolute, first, kinds_of(0));
        for (nth, segment) in rest.iter().enumerate() {
            let kinds = kinds_of(nth + 1);
            let next = found.into_iter().flat_map(|target| match target {
                Target::Module(module) => self.within(module, segment, kinds),
                target => vec![target],
            });
            found = next.collect();
        }
        found
    }

    fn first(&mut self, scope: ScopeId, absolute: bool, name: &str, kinds: Kinds) -> Vec<Target> {
        let module = module_of(&self.scopes.scopes, scope);
        let found = match name {
            _ if absolute => Vec::new(),
            "crate" => vec![Target::Module(self.root(module))],
            "self" => vec![Target::Module(module)],
            "super" => self.above(module),
            _ => self.in_sight(scope, name, kinds),
        };
        match (&found[..], &self.scopes.library) {
            ([], Some((library, root))) if library == name => vec![Target::Module(*root)],
            ([], _) => vec![Target::Outside],
            _ => found,
        }
    }

    fn root(&self, module: ScopeId) -> ScopeId {
        self.scopes.scopes[module].parent.map_or(module, |parent| self.root(parent))
    }

    fn above(&self, module: ScopeId) -> Vec<Target> {
        self.scopes.scopes[module].parent.map(Target::Module).into_iter().collect()
    }

    /// A name in a scope, or in what is around the scope's block.
    fn in_sight(&mut self, scope: ScopeId, name: &str, kinds: Kinds) -> Vec<Target> {
        let found = self.name(scope, name, kinds);
        match self.scopes.scopes[scope].around {
            Some(around) if found.is_empty() => self.in_sight(around, name, kinds),
            _ => found,
        }
    }

    /// A path's next name, in the module that the path has led to.
    fn within(&mut self, module: ScopeId, name: &str, kinds: Kinds) -> Vec<Target> {
        match name {
            "self" => return vec![Target::Module(module)],
            "super" => return self.above(module),
            _ => {}
        }
        let found = self.name(module, name, kinds);
        // What is nowhere declared is made by a macro that the module invokes.
        let made = found.is_empty() && self.name(module, name, Kinds::ALL).is_empty();
        if made { vec![self.item_of(module, name)] } else { found }
    }

    /// A name in a scope: declared, imported, or brought by a glob.
    fn name(&mut self, scope: ScopeId, name: &str, kinds: Kinds) -> Vec<Target> {
        let this = (scope, name.to_owned(), kinds);
        if self.under_way.contains(&this) {
            return Vec::new();
        }
        self.under_way.push(this);
        let Self { scopes: Scopes { scopes, .. }, .. } = *self;
        let mut found = Vec::new();
        for (own_kinds, meaning) in scopes[scope].names.get(name).into_iter().flatten() {
            match meaning {
                _ if !own_kinds.meet(kinds) => {}
                Meaning::Module(module) => found.push(Target::Module(*module)),
                Meaning::Own => found.push(self.item_of(scope, name)),
                Meaning::Import(path) => {
                    let targets = self.path(scope, path, kinds);
                    found.extend(targets.into_iter().map(|target| match target {
                        // What another crate has is here by this import.
                        Target::Outside => self.item_of(scope, name),
                        target => target,
                    }));
                }
            }
        }
        if found.is_empty() {
            for path in &scopes[scope].globs {
                for target in self.path(scope, path, Kinds::TYPES) {
                    if let Target::Module(module) = target {
                        found.extend(self.name(module, name, kinds));
                    }
                }
            }
        }
        self.under_way.pop();
        found
    }

    fn item_of(&self, scope: ScopeId, name: &str) -> Target {
        Target::Item { file: self.scopes.scopes[scope].file.clone(), name: name.to_owned() }
    }
}
