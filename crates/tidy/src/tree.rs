//! The files of a repository.

use std::{collections::BTreeMap, fs, io, path::Path};

/// Folders that hold what tools made, wherever they are.
const MADE: [&str; 5] = [".git", ".venv", "node_modules", "target", "__pycache__"];

/// Files whose text the rules read. Of the others the path is enough.
const READ: [&str; 4] = ["md", "rs", "toml", "txt"];

/// Files by their paths, which are written from the root with `/`.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    files: BTreeMap<String, String>,
}

impl Tree {
    /// The files under the folder `root`, those that tools made left out.
    ///
    /// # Errors
    /// When a folder or file cannot be read.
    pub fn read(root: &Path) -> io::Result<Self> {
        let mut tree = Self::default();
        tree.read_folder(root, "")?;
        Ok(tree)
    }

    fn read_folder(&mut self, folder: &Path, prefix: &str) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{prefix}{name}");
            let kind = entry.file_type()?;
            if kind.is_dir() && !MADE.contains(&name.as_str()) {
                self.read_folder(&entry.path(), &format!("{path}/"))?;
            } else if kind.is_file() {
                let is_read = READ.iter().any(|end| extension(&name) == Some(end));
                let text = if is_read { fs::read_to_string(entry.path())? } else { String::new() };
                self.files.insert(path, text);
            }
        }
        Ok(())
    }

    /// The text of a file, if there is one.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// Whether there is a file of this path, or a folder with files in it.
    pub fn contains(&self, path: &str) -> bool {
        let folder = format!("{}/", path.trim_end_matches('/'));
        let within = self.files.range(folder.clone()..).next();
        self.files.contains_key(path) || within.is_some_and(|(path, _)| path.starts_with(&folder))
    }

    /// The files in a folder and its folders whose names end in `.{end}`: path and text.
    pub fn under<'a>(
        &'a self,
        folder: &str,
        end: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let folder = format!("{folder}/");
        self.files
            .range(folder.clone()..)
            .take_while(move |(path, _)| path.starts_with(&folder))
            .filter(move |(path, _)| extension(path) == Some(end))
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Tree {
    /// A tree of these files, each a path and a text.
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(files: I) -> Self {
        let files = files.into_iter().map(|(path, text)| (path.to_owned(), text.to_owned()));
        Self { files: files.collect() }
    }
}

fn extension(path: &str) -> Option<&str> {
    Path::new(path).extension()?.to_str()
}
