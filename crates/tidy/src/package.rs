//! The workspace's crates, as their manifests have them.

use std::collections::BTreeMap;

use toml::{Table, Value};

use crate::{Finding, Tree};

/// A member of the workspace.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    /// Its folder, from the root.
    pub(crate) folder: String,
    /// The members that it is built with, and the line that says so.
    pub(crate) uses: BTreeMap<String, usize>,
    /// The members that only its tests, examples and benches are built with.
    pub(crate) uses_in_tests: BTreeMap<String, usize>,
}

impl Package {
    /// Its manifest's path.
    pub(crate) fn manifest(&self) -> String {
        format!("{}/Cargo.toml", self.folder)
    }

    /// The folder of its source.
    pub(crate) fn source(&self) -> String {
        format!("{}/src", self.folder)
    }

    /// The name of its library in `use`.
    pub(crate) fn library(&self) -> String {
        self.name.replace('-', "_")
    }

    /// The files that cargo finds by itself and compiles as a crate each: the library, then the
    /// programs.
    pub(crate) fn roots<'a>(&self, tree: &'a Tree) -> Vec<&'a str> {
        let source = self.source();
        let rank = |path: &str| match path.strip_prefix(&source)?.strip_prefix('/')? {
            "lib.rs" => Some(0),
            "main.rs" => Some(1),
            other => {
                let program = other.strip_prefix("bin/")?;
                let alone = !program.contains('/');
                let in_a_folder =
                    program.ends_with("/main.rs") && program.matches('/').count() == 1;
                (alone || in_a_folder).then_some(2)
            }
        };
        let mut roots: Vec<(i32, &str)> = tree
            .under(&source, "rs")
            .filter_map(|(path, _)| rank(path).map(|rank| (rank, path)))
            .collect();
        roots.sort_unstable();
        roots.into_iter().map(|(_, path)| path).collect()
    }
}

/// The workspace's members, in the order of its manifest.
pub(crate) fn members(tree: &Tree) -> Result<Vec<Package>, Finding> {
    let workspace = manifest(tree, "Cargo.toml")?;
    let members = workspace
        .get("workspace")
        .and_then(|workspace| workspace.get("members"))
        .and_then(Value::as_array)
        .ok_or_else(|| bad_manifest("Cargo.toml", "has no list `workspace.members`"))?;
    let folders: Vec<&str> = members.iter().filter_map(Value::as_str).collect();
    let manifests = folders
        .iter()
        .map(|folder| manifest(tree, &format!("{folder}/Cargo.toml")))
        .collect::<Result<Vec<Table>, _>>()?;
    let names = folders
        .iter()
        .zip(&manifests)
        .map(|(folder, manifest)| name_of(folder, manifest))
        .collect::<Result<Vec<String>, _>>()?;

    let packages = folders.iter().zip(&manifests).zip(&names).map(|((folder, manifest), name)| {
        let text = tree.text(&format!("{folder}/Cargo.toml")).unwrap_or_default();
        let used = |kinds: &[&str]| {
            let mut used = dependencies(manifest, kinds, text);
            used.retain(|name, _| names.contains(name));
            used
        };
        Package {
            name: name.clone(),
            folder: (*folder).to_owned(),
            uses: used(&["dependencies", "build-dependencies"]),
            uses_in_tests: used(&["dev-dependencies"]),
        }
    });
    Ok(packages.collect())
}

fn manifest(tree: &Tree, path: &str) -> Result<Table, Finding> {
    let text = tree.text(path).ok_or_else(|| bad_manifest(path, "is missing"))?;
    text.parse().map_err(|error| bad_manifest(path, &format!("is no TOML: {error}")))
}

fn name_of(folder: &str, manifest: &Table) -> Result<String, Finding> {
    let name = manifest.get("package").and_then(|package| package.get("name"));
    name.and_then(Value::as_str)
        .map(str::to_owned)
        .ok_or_else(|| bad_manifest(&format!("{folder}/Cargo.toml"), "has no `package.name`"))
}

fn bad_manifest(path: &str, wrong: &str) -> Finding {
    Finding::new(path, 0, wrong, "Cargo would not take it either.")
}

/// The dependencies of these kinds, for any target: name, and the line that begins with it.
fn dependencies(manifest: &Table, kinds: &[&str], text: &str) -> BTreeMap<String, usize> {
    let for_targets = manifest.get("target").and_then(Value::as_table);
    let for_targets = for_targets.into_iter().flat_map(Table::values).filter_map(Value::as_table);
    let mut found = BTreeMap::new();
    for table in std::iter::once(manifest).chain(for_targets) {
        for kind in kinds {
            let listed = table.get(*kind).and_then(Value::as_table);
            for (key, value) in listed.into_iter().flatten() {
                let renamed = value.get("package").and_then(Value::as_str);
                let line = text.lines().position(|line| line.starts_with(key.as_str()));
                found.insert(renamed.unwrap_or(key).to_owned(), line.map_or(0, |line| line + 1));
            }
        }
    }
    found
}
