//! The settings file with all defaults, for people to begin with.

use super::{file::Settings, section::Described};

const HEAD: &str = "\
# The settings of `aep2 serve`, with their defaults. Take out what you do not change.
# `aep2 serve --config FILE --check-config` says whether a file is in order.
";

impl Settings {
    /// The file: every setting with its help and its default.
    pub fn print() -> String {
        let mut text = HEAD.to_owned();
        for (name, about, settings) in Self::sections() {
            text.push('\n');
            comment(&mut text, about);
            text.push_str(&format!("[{name}]\n"));
            for Described { name, help, default, example } in settings {
                comment(&mut text, help);
                match (default, example) {
                    (Some(default), _) => text.push_str(&format!("{name} = {default}\n")),
                    // Absent by default: as a comment, to be taken out of it.
                    (None, example) => {
                        text.push_str(&format!("# {name} = {}\n", example.unwrap_or_default()));
                    }
                }
            }
        }
        text
    }
}

fn comment(text: &mut String, lines: &[&str]) {
    for line in lines {
        text.push_str(&format!("# {}\n", line.trim()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::error::SettingsError;

    #[test]
    fn the_printed_file_is_the_defaults() -> Result<(), SettingsError> {
        assert_eq!(Settings::parse(&Settings::print())?, Settings::default());
        assert_eq!(Settings::parse("")?, Settings::default());
        Ok(())
    }

    #[test]
    fn what_is_printed_as_a_comment_can_be_taken_out_of_it() -> Result<(), SettingsError> {
        let mut optional = 0;
        for (section, _, settings) in Settings::sections() {
            for Described { name, default, example, .. } in settings {
                if default.is_some() {
                    continue;
                }
                optional += 1;
                let example = example.unwrap_or_else(|| panic!("{section}.{name} has no example"));
                let set = Settings::parse(&format!("[{section}]\n{name} = {example}"))?;
                assert_ne!(set, Settings::default(), "{section}.{name} does nothing");
            }
        }
        assert!(optional > 0);
        Ok(())
    }

    #[test]
    fn the_operators_page_has_every_setting_with_its_default() {
        let page = include_str!("../../../../docs/operating.md");
        for (section, _, settings) in Settings::sections() {
            let (_, part) = page
                .split_once(&format!("### `[{section}]`"))
                .unwrap_or_else(|| panic!("docs/operating.md has no section [{section}]"));
            let part = part.split("\n#").next().unwrap_or_default();
            for Described { name, default, .. } in settings {
                let shown = default.map_or("none".to_owned(), |value| format!("`{value}`"));
                let row = format!("| `{name}` | {shown} |");
                assert!(part.contains(&row), "docs/operating.md, [{section}]: no row {row}");
            }
        }
    }
}
