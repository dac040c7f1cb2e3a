//! Names that are not known, and which one may have been meant.

use toml::{Table, Value};

use super::{error::SettingsError, section::SectionShown};

/// How alike two names must be for one to be taken for the other misspelt, from 0 to 1.
const ALIKE_MIN: f64 = 0.75;

/// Refuses the first name in the file that is none of these sections or of their settings.
pub(super) fn refuse(file: &Table, sections: &[SectionShown]) -> Result<(), SettingsError> {
    // Every setting with its section, and how it is called by somebody who is in `within`.
    let settings = |within: &str| -> Vec<(&'static str, String)> {
        let all = sections
            .iter()
            .flat_map(|(section, _, own)| own.iter().map(move |setting| (*section, setting.name)));
        all.map(|(section, name)| match section == within {
            true => (name, name.to_owned()),
            false => (name, format!("{section}.{name}")),
        })
        .collect()
    };
    for (name, value) in file {
        let Some((_, _, known)) = sections.iter().find(|(section, ..)| section == name) else {
            let own = sections.iter().map(|(section, ..)| (*section, (*section).to_owned()));
            let nearest = nearest(name, own.chain(settings("")));
            return Err(SettingsError::UnknownSection { name: name.clone(), nearest });
        };
        // What stands in the place of a section, serde speaks of.
        let Value::Table(values) = value else { continue };
        for setting in values.keys() {
            if known.iter().all(|own| own.name != setting) {
                let nearest = nearest(setting, settings(name).into_iter());
                let (section, name) = (name.clone(), setting.clone());
                return Err(SettingsError::UnknownSetting { section, name, nearest });
            }
        }
    }
    Ok(())
}

/// What the name most like this one is called, if any is like it.
fn nearest(name: &str, known: impl Iterator<Item = (&'static str, String)>) -> Option<String> {
    known
        .map(|(own, called)| (strsim::jaro_winkler(name, own), called))
        .filter(|(alike, _)| *alike >= ALIKE_MIN)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, called)| called)
}

#[cfg(test)]
mod tests {
    use crate::settings::file::Settings;

    #[test]
    fn a_misspelt_name_is_refused_and_the_right_one_named() {
        for (text, said) in [
            (
                "[windows]\nage_max_s = 1",
                "there is no setting age_max_s in [windows]; did you mean age_s_max?",
            ),
            ("[windwos]\nage_s_max = 1", "there is no section [windwos]; did you mean windows?"),
            (
                "[http]\nsettle_within_s = 1",
                "there is no setting settle_within_s in [http]; did you mean \
                 acceptance.settle_within_s?",
            ),
            (
                "embedded_listen = \"127.0.0.1:1\"",
                "there is no section [embedded_listen]; did you mean chain.embedded_listen?",
            ),
            (
                "[key]\nzzzz = 1",
                "there is no setting zzzz in [key]; `aep2 serve --print-config` shows all",
            ),
        ] {
            let Err(error) = Settings::parse(text) else { panic!("{text:?} was taken") };
            assert_eq!(error.to_string(), said);
        }
    }

    #[test]
    fn a_value_of_another_kind_is_refused_and_its_place_named() {
        for (text, message) in [
            ("[windows]\nage_s_max = \"long\"", "line 2"),
            ("[windows]\nage_s_max = -1", "line 2"),
            ("windows = 1", "line 1"),
            ("[http]\nlisten = \"8402\"", "line 2"),
            ("[windows]\nshapes = [\"16\"]", "a shape is written LANESxSLOTS"),
            ("[chain]\nrpc = \"ws://127.0.0.1\"", "http:// or https://"),
            ("[windows]\nage_s_max = 1\nage_s_max = 2", "duplicate key"),
            ("[acceptance]\nown_token_amount_min = \"0\"", "at least 1"),
            ("[[acceptance.tokens]]\naddress = \"0x01\"\namount_min = \"1\"", "line"),
            (
                "[[acceptance.tokens]]\naddress = \"0x0000000000000000000000000000000000000001\"",
                "amount_min",
            ),
        ] {
            let Err(error) = Settings::parse(text) else { panic!("{text:?} was taken") };
            assert!(error.to_string().contains(message), "{text:?}: {error}");
        }
    }
}
