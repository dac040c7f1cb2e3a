//! Reading `docs/layout.md`.
//!
//! The page has a table of the crates, and a section for each folder, whose heading is the folder's
//! name in backticks. In a section's tables the first column names files and folders, in backticks
//! too. They are of the folder that the table's head names, as in `` | in `src` | | ``, or of the
//! section's own.

use crate::{Finding, Tree};

/// The page.
pub(crate) const PAGE: &str = "docs/layout.md";

/// The heading of the table of crates, and its columns that are read.
const CRATES: [&str; 2] = ["crate", "may use"];

/// The page, as far as it is read.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    pub(crate) crates: Vec<CrateRow>,
    pub(crate) sections: Vec<Section>,
}

/// A row of the table of crates.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CrateRow {
    pub(crate) line: usize,
    pub(crate) name: String,
    /// As the page writes them.
    pub(crate) may_use: Vec<String>,
}

/// What the page says of a folder.
#[derive(Debug, Default)]
pub(crate) struct Section {
    /// The folder, from the root; empty for the root itself.
    pub(crate) folder: String,
    pub(crate) line: usize,
    pub(crate) named: Vec<Named>,
    /// Names of files in the text beside the first columns: the line, the folders that the row is
    /// about, the name.
    pub(crate) mentions: Vec<(usize, Vec<String>, String)>,
}

/// A file or folder that a first column names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) line: usize,
    /// From the root; a folder ends in `/`.
    pub(crate) path: String,
}

impl Layout {
    /// Reads the page.
    pub(crate) fn read(tree: &Tree) -> Result<Self, Finding> {
        let text = tree.text(PAGE);
        let text = text.ok_or_else(|| Finding::new(PAGE, 0, "is missing", "Write it."))?;
        let mut layout = Self::default();
        // The folder that the table is about, and whether it is the table of crates.
        let (mut base, mut of_crates) = (String::new(), false);
        let mut above = "";
        for (line, text) in (1..).zip(text.lines()) {
            if let Some(heading) = text.strip_prefix("## ") {
                let folder = quoted(heading).into_iter().next().unwrap_or_default();
                layout.sections.push(Section { folder, line, ..Section::default() });
            } else if is_rule(text) {
                let head = cells(above);
                of_crates =
                    head.iter().zip(CRATES).filter(|(cell, name)| *cell == name).count() == 2;
                base = head.first().and_then(|cell| quoted(cell).pop()).unwrap_or_default();
                if let Some(section) = layout.sections.last_mut() {
                    section.named.retain(|named| named.line != line - 1);
                }
            } else if of_crates && text.starts_with('|') {
                layout.crates.extend(crate_row(line, text));
            } else if let Some(section) = layout.sections.last_mut() {
                of_crates = false;
                section.read(line, text, &base);
            }
            above = text;
        }
        Ok(layout)
    }
}

impl Section {
    fn read(&mut self, line: usize, text: &str, base: &str) {
        let cells = cells(text);
        let (first, rest) = match cells.split_first() {
            Some((first, rest)) => (*first, rest.join(" ")),
            None => ("", text.to_owned()),
        };
        let mut folders = Vec::new();
        for name in quoted(first) {
            let path = join(&[&self.folder, base, &name]);
            if path.ends_with('/') {
                folders.push(path.trim_end_matches('/').to_owned());
            }
            self.named.push(Named { line, path });
        }
        let files = quoted(&rest).into_iter().filter(|name| is_source(name));
        self.mentions.extend(files.map(|name| (line, folders.clone(), name)));
    }
}

/// Parts of a path, those that are empty left out.
pub(crate) fn join(parts: &[&str]) -> String {
    let parts: Vec<&str> = parts.iter().filter(|part| !part.is_empty()).copied().collect();
    parts.join("/")
}

fn is_source(name: &str) -> bool {
    let is_path = |char: char| char.is_ascii_alphanumeric() || "_-./".contains(char);
    [".rs", ".sol", ".ts", ".py"].iter().any(|end| name.ends_with(end)) && name.chars().all(is_path)
}

fn crate_row(line: usize, text: &str) -> Option<CrateRow> {
    let cells = cells(text);
    let name = quoted(cells.first()?).into_iter().next()?;
    let may_use = cells.get(1).map_or("", |cell| *cell);
    let names = may_use.split(',').map(|name| name.trim().trim_matches('`').to_owned());
    Some(CrateRow { line, name, may_use: names.filter(|name| name != "nothing").collect() })
}

/// A table row's cells; none where the line is no row.
fn cells(line: &str) -> Vec<&str> {
    let row = line.trim().strip_prefix('|').and_then(|row| row.strip_suffix('|'));
    row.map(|row| row.split('|').map(str::trim).collect()).unwrap_or_default()
}

/// Whether a line is the rule between a table's head and its rows.
fn is_rule(line: &str) -> bool {
    line.starts_with("|") && line.contains("---") && line.chars().all(|char| "|-: ".contains(char))
}

/// What stands in backticks.
fn quoted(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}
